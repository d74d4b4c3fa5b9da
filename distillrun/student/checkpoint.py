"""A pretrained student, from a folder or the Hub."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from distillrun.errors import refusals
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import is_encoder, quantised
from distillrun.language_model.limits import Limits, Truncate
from distillrun.language_model.lora import Lora, with_adapters
from distillrun.records import Json, LongText, TargetPair
from distillrun.student.shared.length import long_pairs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from distillrun.interfaces import LanguageModel


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
    """

    ADDED: ClassVar[Mapping[str, Json]] = {"truncate": "refuse"}

    checkpoint: str
    revision: str
    max_source_tokens: int
    max_target_tokens: int
    separator: str
    lora: Lora | None
    gradient_checkpointing: bool
    truncate: Truncate = "refuse"

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint, self.revision)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, self.separator, self.truncate)

    writes = True

    @property
    def has_encoder(self) -> bool:
        config = self._reference.config()
        return config is None or bool(config.get("is_encoder_decoder"))

    def tokens(self) -> Mapping[str, int]:
        return dict(self._tokenizer.get_vocab())

    def cut(self, text: str) -> Sequence[int]:
        from distillrun.language_model.text import target_ids

        return target_ids(self._tokenizer, text)

    def check(self) -> list[str]:
        problems = [*self._reference.problems(), *(self.lora.problems() if self.lora else [])]
        config = self._reference.config()
        if config is not None and is_encoder(config):
            cure = f"choose student=warm_started student.checkpoint={self.checkpoint}"
            return [*problems, f"student.checkpoint={self.checkpoint} is an encoder, which writes no text; {cure}"]
        problems += [*quantised(config, self.checkpoint), *self._limits.problems(config)]
        return problems or self._loading_problems

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        return long_pairs(lambda: self._tokenizer, self._limits, not self.has_encoder, pairs)

    def weights(self) -> int | None:
        return self._reference.weights()

    def identity(self) -> Mapping[str, Json]:
        return self._reference.identity()

    def build(self, seed: int) -> "LanguageModel":
        return self._made(self._reference.folder(), seed)

    def load(self, folder: Path) -> "LanguageModel":
        from distillrun.language_model.load import load_model

        return load_model(folder, self._limits)

    @cached_property
    def _tokenizer(self) -> "PreTrainedTokenizerBase":
        from distillrun.language_model.teacher_model import load_tokenizer

        return load_tokenizer(self._reference.outline(), None, "student")

    @cached_property
    def _loading_problems(self) -> list[str]:
        return refusals(lambda: self._made(self._reference.outline(), seed=0, outline=True))

    def _made(self, folder: Path, seed: int, outline: bool = False) -> "LanguageModel":
        from distillrun.language_model.load import checkpoint_gradients, load_model
        from distillrun.process.runtime import seeded

        model = load_model(folder, self._limits, outline)
        if self.gradient_checkpointing:
            checkpoint_gradients(model.module)
        if self.lora is not None:
            with seeded(seed):
                model.module = with_adapters(model.module, self.lora)
        return model
