"""An encoder-decoder made of a pretrained encoder."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from distillrun.errors import refusals
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import quantised
from distillrun.language_model.limits import Limits, Truncate
from distillrun.language_model.loading import WeightType
from distillrun.records import Json, LongText, TargetPair
from distillrun.student.shared.length import long_pairs

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from distillrun.interfaces import LanguageModel


@dataclass(frozen=True)
class WarmStarted:
    """An encoder-decoder whose two halves start from one pretrained encoder; its cross-attention starts fresh.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub, of a BERT-like encoder.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        max_source_tokens, max_target_tokens: longer texts are cut where their objective allows.
        gradient_checkpointing: compute activations twice instead of keeping them.
        truncate: what becomes of a question that is too long even so: cut at its end (tail), at its beginning (head),
            or refused.
        dtype: of the weights: fp32 (auto) or bf16.

    Source: Rothe et al. 2020, https://arxiv.org/abs/1907.12461.
    """

    ADDED: ClassVar[Mapping[str, Json]] = {"truncate": "refuse", "dtype": "auto"}

    checkpoint: str
    revision: str
    max_source_tokens: int
    max_target_tokens: int
    gradient_checkpointing: bool
    truncate: Truncate = "refuse"
    dtype: WeightType = "auto"

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint, self.revision)

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_source_tokens, self.max_target_tokens, separator="", truncate=self.truncate)

    writes = True
    has_encoder = True
    trains_all = True

    def tokens(self) -> Mapping[str, int]:
        return dict(self._outline[1].get_vocab())

    def cut(self, text: str) -> Sequence[int]:
        from distillrun.language_model.special_tokens import target_ids

        return target_ids(self._outline[1], text)

    def check(self) -> list[str]:
        config = self._reference.config()
        problems = [*self._reference.problems(), *quantised(config, self.checkpoint), *self._limits.problems(config)]
        return problems or refusals(lambda: self._outline)

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        return long_pairs(lambda: self._outline[1], self._limits, False, pairs)

    def weights(self) -> int | None:
        if self._reference.weights() is None:
            return None
        return sum(weight.numel() for weight in self._outline[0].parameters())

    def identity(self) -> Mapping[str, Json]:
        return self._reference.identity()

    def build(self, seed: int) -> "LanguageModel":
        from distillrun.language_model.load import assemble, checkpoint_gradients
        from distillrun.language_model.precision import weight_type
        from distillrun.language_model.warm_start import warm_started
        from distillrun.process.runtime import seeded

        with seeded(seed):
            module, tokenizer = warm_started(self._reference.folder(), dtype=weight_type(self.dtype, frozen=False))
        if self.gradient_checkpointing:
            checkpoint_gradients(module)
        return assemble(module, tokenizer, self._limits)

    def outline(self) -> "LanguageModel":
        from distillrun.language_model.load import assemble, checkpoint_gradients
        from distillrun.language_model.precision import weight_type
        from distillrun.language_model.warm_start import warm_started

        dtype = weight_type(self.dtype, frozen=False)
        module, tokenizer = warm_started(self._reference.outline(), outline=True, dtype=dtype)
        if self.gradient_checkpointing:
            checkpoint_gradients(module)
        return assemble(module, tokenizer, self._limits)

    def build_from(self, folder: Path, seed: int) -> "LanguageModel":
        """Return the model of a folder, with its activations computed twice where that is wished for."""
        from distillrun.language_model.load import checkpoint_gradients

        model = self.load(folder)
        if self.gradient_checkpointing:
            checkpoint_gradients(model.module)
        return model

    def load(self, folder: Path) -> "LanguageModel":
        from distillrun.language_model.load import load_model
        from distillrun.language_model.precision import weight_type

        return load_model(folder, self._limits, dtype=weight_type(self.dtype, frozen=False))

    @cached_property
    def _outline(self) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
        from distillrun.language_model.warm_start import warm_started

        return warm_started(self._reference.outline(), outline=True)
