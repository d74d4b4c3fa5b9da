"""A checkpoint on this machine: any causal or encoder-decoder model, from a folder, the Hub or a GGUF file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING

from distillrun.errors import ConfigError
from distillrun.interfaces import Account, Task
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import is_encoder
from distillrun.language_model.loading import Chat, Dtype, Loading, Quantization
from distillrun.language_model.shared_prefix import prefix_batches
from distillrun.records import Budget, Completion, Draw, Json, Price, Prompt, Sampling, ScoredContinuation
from distillrun.teacher.reserving import reserved_parts

if TYPE_CHECKING:
    from distillrun.teacher.local_model import LocalModel, Writing
    from distillrun.teacher.local_prompt import PromptTokenizer


@dataclass(eq=False)
class Local:
    """Writes in batches that share the prompts' common beginning, and from which a finished text leaves at once.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub; the `student` folder of a run will do.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        gguf_file: a GGUF file of the folder; None = safetensors or `.bin`.
        dtype: of the weights and the arithmetic; auto = as stored.
        device: where the model goes; auto = cuda, mps or cpu.
        device_map: how accelerate spreads a model that is too large for one device; None = one device.
        quantization: 4-bit weights, nf4 or fp4; None = none.
        chat: auto uses the tokenizer's chat template where there is one; always requires it; never writes plain text.
        block_separator, reply_separator: how messages are joined as plain text, see `plain_text`.
        max_context_tokens: of prompt and text together; None = what the model has positions for.
        tokens_per_batch: prompt and new tokens, with padding, of one batch: memory and speed, never results.
        price_per_million, budget: what its tokens are taken to cost, and the most that may be asked.
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
    max_context_tokens: int | None
    tokens_per_batch: int
    price_per_million: Price
    budget: Budget
    _model: "LocalModel | None" = field(init=False, default=None, repr=False)

    can = frozenset({"complete", "score", "contrast"})

    @property
    def name(self) -> str:
        return PurePath(self.checkpoint or "local").name

    def check(self, task: Task) -> list[str]:
        if self.checkpoint is None:
            return ["teacher.checkpoint is not set; set it to a model's folder, or to its name on the Hugging Face Hub"]
        problems = [*self._reference.problems(), *self._loading.problems()]
        for name in ("max_context_tokens", "tokens_per_batch"):
            value = getattr(self, name)
            if value is not None and value < 2:
                problems.append(f"teacher.{name}={value} must be 2 or more")
        config = None if problems or self.gguf_file else self._reference.config()
        if config is not None and is_encoder(config):
            problems.append(f"teacher.checkpoint={self.checkpoint} is an encoder, which writes no text; choose another")
        if not problems and self.chat == "always":
            try:
                _ = self._prompts
            except ConfigError as error:
                problems.append(str(error))
        return problems

    def identity(self) -> Mapping[str, Json]:
        return {
            **self._reference.identity(),
            "gguf_file": self.gguf_file,
            "dtype": self.dtype,
            "quantization": self.quantization,
            "chat": self.chat,
            "block_separator": self.block_separator,
            "reply_separator": self.reply_separator,
            "max_context_tokens": self.max_context_tokens,
        }

    def prompt_tokens(self, prompt: Prompt) -> int:
        return len(self._prompts.ids(prompt.messages))

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        model = self._loaded()
        waiting: list[Writing] = []
        for index, draw in enumerate(draws):
            writing = self._writing(index, draw, sampling, model)
            if writing.max_new_tokens < 1:
                yield index, Completion("", "too_long", 0, 0, teacher=self.name, reason="too long")
            else:
                waiting.append(writing)
        for contrasted in (False, True):
            chosen = [writing for writing in waiting if (writing.against is not None) is contrasted]
            yield from self._write(model, chosen, sampling, account)

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        """Score texts that go on from the prompts.

        Prompt and continuation are tokenised together; where a token would lie across the seam, they are tokenised
        apart, so that a prompt has the same tokens whatever follows it.
        """
        model = self._loaded()
        sources = [self._prompts.ids(prompt.messages) for prompt in prompts]
        ends = [
            [self._prompts.following(prompt.messages, source, text) for text in own]
            for prompt, source, own in zip(prompts, sources, continuations, strict=True)
        ]
        longest = [max(map(len, own), default=0) for own in ends]
        for source, most in zip(sources, longest, strict=True):
            if model.room(source, most) < most:
                raise ConfigError(
                    f"a prompt of {len(source)} tokens and a continuation of {most} are longer than the context of "
                    f"teacher.checkpoint={self.checkpoint}, {model.context} tokens; shorten the prompt"
                )
        sizes = [most * len(own) for most, own in zip(longest, ends, strict=True)]
        groups = [prompt.messages[:-1] for prompt in prompts]
        costs = [(len(source), 0) for source in sources]
        for batch in prefix_batches(sources, groups, sizes, self.tokens_per_batch):
            answered = 0
            for part in reserved_parts(batch.rows, costs, account):
                rows = [row for row, _ in part]
                found = model.score([sources[row] for row in rows], [ends[row] for row in rows], batch.prefix)
                for (row, reservation), scores in zip(part, found, strict=True):
                    reservation.settle(len(sources[row]), 0)
                    yield row, scores
                answered += len(part)
            if answered < len(batch.rows):
                return

    def release(self) -> None:
        self._model = None

    def _write(
        self, model: "LocalModel", writings: "Sequence[Writing]", sampling: Sampling, account: Account
    ) -> Iterator[tuple[int, Completion]]:
        """Write texts batch by batch, each one reserved before its batch begins."""
        sources = [writing.source for writing in writings]
        costs = [(len(writing.source), writing.max_new_tokens) for writing in writings]
        new_tokens = [most for _, most in costs]
        for batch in prefix_batches(sources, [one.group for one in writings], new_tokens, self.tokens_per_batch):
            answered = 0
            for part in reserved_parts(batch.rows, costs, account):
                reservations = {writings[row].index: reservation for row, reservation in part}
                for writing, row, written in model.write([writings[row] for row, _ in part], batch.prefix, sampling):
                    reservations[writing.index].settle(len(writing.source), written.tokens)
                    answered += 1
                    yield (
                        writing.index,
                        Completion(
                            written.text,
                            written.finish_reason,
                            len(writing.source),
                            written.tokens,
                            written.discarded_tokens,
                            row.log_prob,
                            self.name,
                        ),
                    )
            if answered < len(batch.rows):
                return

    def _writing(self, index: int, draw: Draw, sampling: Sampling, model: "LocalModel") -> "Writing":
        from distillrun.teacher.local_model import Writing

        messages, contrast = draw.prompt.messages, draw.prompt.contrast
        source = self._prompts.ids(messages)
        room = model.room(source, sampling.max_new_tokens)
        against = None
        if contrast is not None:
            other = self._prompts.ids(contrast.messages)
            room = min(room, model.room(other, sampling.max_new_tokens))
            against = (other, contrast.weight, contrast.plausibility)
        return Writing(index, source, messages[:-1], draw.own_seed, room, against)

    @cached_property
    def _prompts(self) -> "PromptTokenizer":
        from distillrun.teacher.local_prompt import PromptTokenizer

        is_encoder_decoder = bool((self._reference.config() or {}).get("is_encoder_decoder"))
        separators = (self.block_separator, self.reply_separator)
        folder = self._reference.folder()
        return PromptTokenizer(folder, self.gguf_file, self.chat, separators, is_encoder_decoder)

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint or "", self.revision, "teacher", self.gguf_file)

    @property
    def _loading(self) -> Loading:
        return Loading(self.dtype, self.device, self.device_map, self.quantization, self.gguf_file)

    def _loaded(self) -> "LocalModel":
        if self._model is None:
            from distillrun.language_model.teacher_model import load_teacher
            from distillrun.teacher.local_model import LocalModel

            module = load_teacher(self._reference.folder(), self._loading)
            self._model = LocalModel(module, self._prompts.tokenizer, self.max_context_tokens)
        return self._model
