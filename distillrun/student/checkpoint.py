"""A pretrained student, from a folder or the Hub."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from distillrun.errors import refusals
from distillrun.language_model.adapter import adapter_digest, merged
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import has_template, is_encoder, quantised
from distillrun.language_model.limits import Limits, Truncate, leading
from distillrun.language_model.loading import Chat, Loading, WeightType, is_short
from distillrun.language_model.lora import Lora, with_adapters
from distillrun.records import Json, LongText, TargetPair
from distillrun.student.shared.length import long_pairs

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from distillrun.interfaces import LanguageModel
    from distillrun.language_model.chat_format import ChatFormat
    from distillrun.language_model.transformer import TransformerModel


@dataclass(frozen=True)
class Checkpoint:
    """A pretrained encoder-decoder or decoder-only model; its own config says which.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        max_source_tokens, max_target_tokens: longer texts are cut where their objective allows.
        separator: text between source and target of a decoder-only model; an encoder-decoder has no use for it.
        lora: train low-rank adapters alone; null = all weights.
        gradient_checkpointing: compute activations twice instead of keeping them.
        truncate: what becomes of a question that is too long even so: cut at its end (tail), at its beginning (head),
            or refused.
        dtype: of the weights in memory: fp32, bf16, or auto = bf16 where they are frozen and on a GPU. They are saved
            in the type in which the checkpoint came.
        quantization: 4-bit weights under adapters (QLoRA): nf4; null = none.
        gguf_file: a GGUF file of the folder, taken out of its packing; null = safetensors or `.bin`.
        adapter: the folder of a LoRA adapter that was trained on this checkpoint, merged into it; null = none.
        chat: read sources as a user's message and write targets as the assistant's reply, by the tokenizer's template:
            auto = an instruct model does, see `chat_format`; always; never. A run made before there was this setting
            has never.
        chat_options: what the template is given, such as {enable_thinking: false}.
    """

    ADDED: ClassVar[Mapping[str, Json]] = {
        "truncate": "refuse",
        "dtype": "auto",
        "quantization": None,
        "gguf_file": None,
        "adapter": None,
    }

    checkpoint: str
    revision: str
    max_source_tokens: int
    max_target_tokens: int
    separator: str
    lora: Lora | None
    gradient_checkpointing: bool
    truncate: Truncate = "refuse"
    dtype: WeightType = "auto"
    quantization: Literal["nf4"] | None = None
    gguf_file: str | None = None
    adapter: str | None = None
    chat: Chat = "never"
    chat_options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint, self.revision, gguf_file=self.gguf_file)

    @cached_property
    def _adapter(self) -> Path | None:
        return None if self.adapter is None else Path(self.adapter).expanduser()

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, self.separator, self.truncate)

    @cached_property
    def _format(self) -> "ChatFormat | None":
        """The format of its chats, for which no tokenizer is loaded where there can be none."""
        if self.chat == "never" or (self.chat == "auto" and self.gguf_file is None and not self._may_chat):
            return None
        if self.gguf_file is None and (self._reference.config() or {}).get("is_encoder_decoder"):
            return None
        from distillrun.language_model.chat_format import chat_format

        tokenizer = self._tokenizer
        # a GGUF file does not say at which tokens its texts end
        wanted: Chat = "always" if self.gguf_file and self.chat == "auto" and tokenizer.chat_template else self.chat
        return chat_format(self._reference.outline(), tokenizer, wanted, self.chat_options)

    @property
    def _may_chat(self) -> bool:
        return has_template(self._reference.outline())

    writes = True

    @property
    def has_encoder(self) -> bool:
        if self.gguf_file is not None:
            return False
        config = self._reference.config()
        return config is None or bool(config.get("is_encoder_decoder"))

    @property
    def trains_all(self) -> bool:
        return self.lora is None

    def tokens(self) -> Mapping[str, int]:
        return dict(self._tokenizer.get_vocab())

    def cut(self, text: str) -> Sequence[int]:
        from distillrun.language_model.special_tokens import target_ids

        return target_ids(self._tokenizer, text, self._format)

    def check(self) -> list[str]:
        loading = Loading("auto", "cpu", None, self.quantization, self.gguf_file, self.adapter)
        problems = [*self._reference.problems(), *(self.lora.problems() if self.lora else [])]
        problems += loading.problems("student")
        if self.quantization is not None and not _has_gpu():
            problems.append(
                f"student.quantization={self.quantization} needs a GPU: on a CPU, bitsandbytes repacks weights at the "
                "first evaluation, and adapters learn nothing from then on; set it to null"
            )
        if self.quantization is not None and self.lora is None:
            problems.append(
                f"student.quantization={self.quantization} holds weights that cannot be trained; train adapters on "
                "them: student.lora='{rank: 16, alpha: 32, dropout: 0.05, target_modules: null}' training=lora"
            )
        config = self._reference.config() if self.gguf_file is None else None
        if config is not None and is_encoder(config):
            cure = f"choose student=warm_started student.checkpoint={self.checkpoint}"
            return [*problems, f"student.checkpoint={self.checkpoint} is an encoder, which writes no text; {cure}"]
        problems += [*quantised(config, self.checkpoint), *self._limits.problems(config)]
        return problems or self._loading_problems

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        return long_pairs(lambda: self._tokenizer, self._limits, not self.has_encoder, pairs, self._format)

    def weights(self) -> int | None:
        return self._reference.weights()

    def identity(self) -> Mapping[str, Json]:
        found, lead = self._format, leading(self.separator)
        return {
            **self._reference.identity(),
            **({} if self.gguf_file else self._reference.saved_as()),
            **({"adapter": adapter_digest(self._adapter)} if self._adapter else {}),
            **({"chat": found.written()} if found else {"lead": lead} if lead else {}),
            **({"dtype": "bf16"} if is_short(self.dtype, not self.trains_all) else {}),
        }

    def build(self, seed: int) -> "LanguageModel":
        return self._made(self._reference.folder(), seed)

    def outline(self) -> "LanguageModel":
        return self._made(self._outlined, seed=0, outline=True)

    def build_from(self, folder: Path, seed: int) -> "LanguageModel":
        """Return the model of a folder with what its training adds: adapters, quantised weights, checkpointing."""
        return replace(self, checkpoint=str(folder), revision="main", gguf_file=None, adapter=None).build(seed)

    def load(self, folder: Path) -> "LanguageModel":
        from distillrun.language_model.chat_format import noted_format
        from distillrun.language_model.load import load_model

        noted = noted_format(folder) is not None  # what it was trained to read counts, whatever is set now
        chat: Chat = "auto" if noted else self.chat
        return load_model(folder, self._limits, dtype=self._dtype, chat=chat, chat_options=self.chat_options)

    @property
    def _dtype(self) -> "torch.dtype":
        from distillrun.language_model.precision import weight_type

        return weight_type(self.dtype, frozen=not self.trains_all)

    @cached_property
    def _tokenizer(self) -> "PreTrainedTokenizerBase":
        from distillrun.language_model.teacher_model import load_tokenizer

        return load_tokenizer(self._outlined, self.gguf_file, "student")

    @cached_property
    def _loading_problems(self) -> list[str]:
        return refusals(self.outline)

    @property
    def _outlined(self) -> Path:
        """The folder with config and tokenizer: a GGUF file holds both."""
        return self._reference.folder() if self.gguf_file else self._reference.outline()

    def _made(self, folder: Path, seed: int, outline: bool = False) -> "LanguageModel":
        from distillrun.language_model.load import checkpoint_gradients, load_model
        from distillrun.process.runtime import seeded

        def whole(quantization: Literal["nf4"] | None = None) -> "TransformerModel":
            kind = self._dtype, self.gguf_file, quantization
            model = load_model(folder, self._limits, outline, *kind, self.chat, self.chat_options)
            if self._adapter is not None and not outline:
                model.module = merged(model.module, self._adapter, "student.adapter")
            return model

        model = whole(self.quantization)
        if self.quantization is not None:
            model.base = lambda: whole().module
        if self.gradient_checkpointing:
            checkpoint_gradients(model.module)
        if self.lora is not None:
            with seeded(seed):
                model.module = with_adapters(model.module, self.lora)
        return model


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
