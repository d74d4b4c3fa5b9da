"""An encoder-decoder made of a pretrained encoder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.limits import Limits
from distillrun.records import Json, TargetPair
from distillrun.student.length import too_long

if TYPE_CHECKING:
    from distillrun.interfaces import LanguageModel


@dataclass(frozen=True)
class WarmStarted:
    """An encoder-decoder whose two halves start from one pretrained encoder; its cross-attention starts fresh.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub, of a BERT-like encoder.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        max_source_tokens, max_target_tokens: longer texts are cut where their objective allows.
        gradient_checkpointing: compute activations twice instead of keeping them.

    Source: Rothe et al. 2020, https://arxiv.org/abs/1907.12461.
    """

    checkpoint: str
    revision: str
    max_source_tokens: int
    max_target_tokens: int
    gradient_checkpointing: bool

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint, self.revision)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, separator="")

    writes = True
    has_encoder = True

    def tokens(self) -> Mapping[str, int]:
        from distillrun.language_model.teacher_model import load_tokenizer

        return dict(load_tokenizer(self._reference.folder(), None, "student").get_vocab())

    def check(self) -> list[str]:
        return [*self._reference.problems(), *self._limits.problems(self._reference.config())]

    def check_texts(self, pairs: Iterable[TargetPair]) -> list[str]:
        return too_long(self, self._limits, pairs)

    def identity(self) -> Mapping[str, Json]:
        return self._reference.identity()

    def build(self, seed: int) -> "LanguageModel":
        from distillrun.language_model.load import assemble, checkpoint_gradients
        from distillrun.language_model.warm_start import warm_started
        from distillrun.runtime import seeded

        with seeded(seed):
            module, tokenizer = warm_started(self._reference.folder())
        if self.gradient_checkpointing:
            checkpoint_gradients(module)
        return assemble(module, tokenizer, self._limits)

    def load(self, folder: Path) -> "LanguageModel":
        from distillrun.language_model.load import load_model

        return load_model(folder, self._limits)
