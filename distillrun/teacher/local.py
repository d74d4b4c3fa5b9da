"""A checkpoint on this machine: any causal or encoder-decoder model, from a folder, the Hub or a GGUF file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distillrun.errors import ConfigError, refusals
from distillrun.interfaces import Account, Task
from distillrun.language_model.adapter import adapter_digest
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import is_encoder
from distillrun.language_model.limits import Limits, leading
from distillrun.language_model.loading import Chat, Dtype, Loading, Quantization
from distillrun.process.runtime import pick_device
from distillrun.records import Budget, Completion, Draw, Json, Price, Prompt, Sampling, ScoredContinuation
from distillrun.teacher.local_checkpoint.prompting import Prompting

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from distillrun.interfaces import LanguageModel
    from distillrun.language_model.chat_format import ChatFormat
    from distillrun.teacher.local_checkpoint.model import LocalModel, Writing
    from distillrun.teacher.local_checkpoint.prompt import PromptTokenizer


@dataclass(eq=False)
class Local:
    """A teacher that writes in batches, which share the prompts' common beginning; a finished text leaves at once.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub; the `student` folder of a run will do.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        gguf_file: a GGUF file of the folder; None = safetensors or `.bin`.
        dtype: of the weights and the arithmetic; auto = as stored.
        device: where the model goes; auto = cuda, mps or cpu.
        device_map: how accelerate spreads a model that is too large for one device; None = one device.
        quantization: 4-bit weights, nf4 or fp4; None = none.
        chat: auto uses the tokenizer's chat template where the checkpoint is an instruct model, see `chat_format`;
            always requires it; never writes plain text. It holds for prompts, and for a student's pairs that are read.
        block_separator, reply_separator: how messages are joined as plain text, see `plain_text`.
        target_separator: between what a student reads and writes, where a decoder-only teacher reads a student's pairs.
        max_context_tokens: of prompt and text together; None = what the model has positions for.
        tokens_per_batch: prompt and new tokens, with padding, of one batch: memory and speed, never results.
        price_per_million, budget: what its tokens are taken to cost, and the most that may be asked.
        adapter: the folder of a LoRA adapter that was trained on this checkpoint, merged into it; None = none.
        chat_options: what the template is given, such as {enable_thinking: false}.
    """

    checkpoint: str | None
    revision: str
    gguf_file: str | None
    dtype: Dtype
    device: str
    device_map: str | None
    quantization: Quantization | None
    chat: Chat
    block_separator: str
    reply_separator: str
    target_separator: str
    max_context_tokens: int | None
    tokens_per_batch: int
    price_per_million: Price
    budget: Budget
    adapter: str | None = None
    chat_options: Mapping[str, Any] = field(default_factory=dict)
    _model: "LocalModel | None" = field(init=False, default=None, repr=False)

    can = frozenset({"complete", "score", "contrast", "logits"})

    @property
    def name(self) -> str:
        return Path(self.checkpoint or "local").resolve().name

    def check(self, task: Task) -> list[str]:
        if self.checkpoint is None:
            return ["teacher.checkpoint is not set; set it to a model's folder, or to its name on the Hugging Face Hub"]
        problems = [*self._reference.problems(), *self._loading.problems()]
        try:
            pick_device(self.device, "teacher.device")
        except ConfigError as error:
            problems.append(str(error))
        for name in ("max_context_tokens", "tokens_per_batch"):
            value = getattr(self, name)
            if value is not None and value < 2:
                problems.append(f"teacher.{name}={value} must be 2 or more")
        config = None if problems or self.gguf_file else self._reference.config()
        if config is not None and is_encoder(config):
            problems.append(f"teacher.checkpoint={self.checkpoint} is an encoder, which writes no text; choose another")
        return problems or self._loading_problems

    def identity(self) -> Mapping[str, Json]:
        return {
            **self._weights,
            "dtype": self.dtype,
            "quantization": self.quantization,
            **self._prompting.identity(),
            "max_context_tokens": self.max_context_tokens,
        }

    def prompt_tokens(self, prompt: Prompt) -> int:
        return len(self._prompts.ids(prompt.messages))

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        from distillrun.teacher.local_checkpoint.batch import written

        model = self._loaded()
        waiting: dict[bool, list[Writing]] = {False: [], True: []}
        for index, draw in enumerate(draws):
            writing = self._writing(index, draw, sampling, model)
            if writing.max_new_tokens < 1:
                yield index, Completion("", "too_long", 0, 0, teacher=self.name, reason="too long")
            else:
                waiting[writing.against is not None].append(writing)
        for chosen in waiting.values():
            for index, completion in written(model, chosen, sampling, self.tokens_per_batch, account):
                yield index, replace(completion, teacher=self.name)

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        """Score texts that go on from the prompts.

        Prompt and continuation are tokenised together; where a token would lie across the seam, they are tokenised
        apart, so that a prompt has the same tokens whatever follows it.

        Raises:
            ConfigError: a prompt is too long.
        """
        from distillrun.teacher.local_checkpoint.batch import scored

        model = self._loaded()
        scorings, groups = [], []
        for prompt, texts in zip(prompts, continuations, strict=True):
            scoring = self._prompts.scoring(prompt.messages, texts)
            longest = max(map(len, scoring.ends), default=0)
            if model.room(scoring.source, longest) < longest:
                raise ConfigError(
                    f"a prompt of {len(scoring.source)} tokens and a continuation of {longest} are longer than the "
                    f"context of teacher.checkpoint={self.checkpoint}, {model.context} tokens; shorten the prompt"
                )
            scorings.append(scoring)
            groups.append(model.group(prompt.messages, len(scoring.source)))
        yield from scored(model, scorings, groups, self.tokens_per_batch, account)

    def scoring(self) -> Mapping[str, Json]:
        return self._prompting.scoring()

    def tokens(self) -> Mapping[str, int]:
        return dict(self._prompts.tokenizer.get_vocab())

    def cut(self, text: str) -> Sequence[int]:
        from distillrun.language_model.special_tokens import target_ids

        return target_ids(self._prompts.tokenizer, text, self._format)

    def check_reading(self) -> list[str]:
        return [] if self.gguf_file else refusals(lambda: self._read_as_student(self._outlined(), 2, 2))

    def reading(self) -> Mapping[str, Json]:
        lead = leading(self.target_separator)
        return {
            **self._weights,
            "dtype": self.dtype,
            "quantization": self.quantization,
            "target_separator": self.target_separator,
            **({"chat": self._format.written()} if self._format else {"lead": lead} if lead else {}),
        }

    def language_model(self, max_source_tokens: int, max_target_tokens: int) -> "LanguageModel":
        from distillrun.language_model.teacher_model import load_teacher

        module = load_teacher(self._reference.folder(), self._loading)
        module.requires_grad_(False)
        return self._read_as_student(module, max_source_tokens, max_target_tokens)

    def weight_bytes(self) -> int | None:
        count, stored = self._reference.weights(), (self._reference.config() or {}).get("dtype")
        dtype = str(stored or "float32") if self.dtype == "auto" else self.dtype
        return None if count is None else count * (4 if dtype == "float32" else 2)

    def release(self) -> None:
        self._model = None

    def _writing(self, index: int, draw: Draw, sampling: Sampling, model: "LocalModel") -> "Writing":
        from distillrun.teacher.local_checkpoint.model import Writing

        messages, contrast = draw.prompt.messages, draw.prompt.contrast
        source = self._prompts.ids(messages)
        room = model.room(source, sampling.max_new_tokens)
        against, lengths = None, [len(source)]
        if contrast is not None:
            other = self._prompts.ids(contrast.messages)
            room = min(room, model.room(other, sampling.max_new_tokens))
            against = (other, contrast.weight, contrast.plausibility)
            lengths.append(len(other))
        return Writing(index, source, model.group(messages, *lengths), draw.own_seed, room, against)

    @property
    def _prompts(self) -> "PromptTokenizer":
        return self._prompting.prompts

    @property
    def _format(self) -> "ChatFormat | None":
        return self._prompting.format

    @cached_property
    def _prompting(self) -> Prompting:
        settings = self.chat, self.chat_options, self.block_separator, self.reply_separator
        return Prompting(self._reference, *settings)

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint or "", self.revision, "teacher", self.gguf_file)

    @property
    def _weights(self) -> dict[str, Json]:
        """The identity of its weights, as they are stored."""
        own: dict[str, Json] = {**self._reference.identity(), "gguf_file": self.gguf_file}
        return own | ({"adapter": adapter_digest(Path(self.adapter).expanduser())} if self.adapter else {})

    @property
    def _loading(self) -> Loading:
        return Loading(self.dtype, self.device, self.device_map, self.quantization, self.gguf_file, self.adapter)

    @cached_property
    def _loading_problems(self) -> list[str]:
        """The problems that would keep it from loading; of a GGUF file, which is read whole, its tokenizer's alone."""
        return refusals(lambda: self._prompts if self.gguf_file else self._outlined())

    def _outlined(self) -> "PreTrainedModel":
        from distillrun.language_model.teacher_model import load_teacher
        from distillrun.teacher.local_checkpoint.model import LocalModel

        module = load_teacher(self._reference.outline(), self._loading, outline=True)
        LocalModel(module, self._prompts.tokenizer, self.max_context_tokens)
        return module

    def _read_as_student(
        self, module: "PreTrainedModel", max_source_tokens: int, max_target_tokens: int
    ) -> "LanguageModel":
        from distillrun.language_model.load import assemble

        found = self._format
        frame = len(self._prompts.tokenizer(found.opening + found.turn)["input_ids"]) if found else 0
        limits = Limits(max_source_tokens + frame, max_target_tokens, self.target_separator)
        return assemble(module, self._prompts.tokenizer, limits, "teacher", found)

    def _loaded(self) -> "LocalModel":
        if self._model is None:
            from distillrun.language_model.teacher_model import load_teacher
            from distillrun.teacher.local_checkpoint.model import LocalModel

            module = load_teacher(self._reference.folder(), self._loading)
            prompts = self._prompts
            self._model = LocalModel(module, prompts.tokenizer, self.max_context_tokens, prompts.opening)
        return self._model
