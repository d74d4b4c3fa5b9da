"""An encoder with a multiple-choice head: it scores the choices and writes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from distillrun.errors import refusals
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.checkpoint_folder import is_encoder, quantised
from distillrun.language_model.limits import Truncate, positions_of
from distillrun.language_model.loading import WeightType
from distillrun.records import Json, LongText, TargetPair
from distillrun.student.shared.length import long_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from distillrun.interfaces import ChoiceModel


@dataclass(frozen=True)
class ChoiceScorer:
    """Any encoder that transformers gives a multiple-choice head: BERT, MiniLM, RoBERTa, DeBERTa.

    It reads the question with one choice at a time; the head's number is the score of that choice. A head that the
    checkpoint does not have starts fresh.

    Args:
        checkpoint: a folder, or a name on the Hugging Face Hub.
        revision: branch, tag or commit on the Hub; the commit that it resolves to is recorded.
        max_tokens: of a question with one choice.
        gradient_checkpointing: compute activations twice instead of keeping them.
        truncate: what becomes of a longer one: its question is cut at the end (tail) or at the beginning (head), or it
            is refused. A choice is never cut.
        dtype: of the weights in memory: fp32 (auto) or bf16. They are saved in the type in which the checkpoint came.

    Source: Devlin et al. 2018, https://arxiv.org/abs/1810.04805, section 4.4 (SWAG).
    """

    ADDED: ClassVar[Mapping[str, Json]] = {"truncate": "refuse", "dtype": "auto"}
    CHOICES_ONLY: ClassVar[str] = (
        "it writes nothing and scores choices; use a student that writes, such as student=t5_small"
    )

    checkpoint: str
    revision: str
    max_tokens: int
    gradient_checkpointing: bool
    truncate: Truncate = "refuse"
    dtype: WeightType = "auto"

    writes = False
    has_encoder = True
    trains_all = True

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint, self.revision)

    def check(self) -> list[str]:
        config = self._reference.config() or {}
        problems = [*self._reference.problems(), *quantised(config, self.checkpoint)]
        if config and not is_encoder(config):
            cure = f"choose student=t5_base student.checkpoint={self.checkpoint}, or an encoder"
            problems.append(f"student.checkpoint={self.checkpoint} is not an encoder; {cure}")
        positions = positions_of(config)
        if positions is not None and self.max_tokens > positions:
            problems.append(
                f"student.max_tokens={self.max_tokens} is more than the {positions} positions of this model; "
                f"set student.max_tokens={positions} or less"
            )
        return problems or self._loading_problems

    def long_texts(self, pairs: Iterable[TargetPair]) -> list[LongText]:
        from distillrun.language_model.teacher_model import load_tokenizer

        def tokenizer() -> "PreTrainedTokenizerBase":
            return load_tokenizer(self._reference.outline(), None, "student")

        return long_texts(tokenizer, self.max_tokens, self.truncate, pairs, reads_answers=True)

    def weights(self) -> int | None:
        return self._reference.weights()

    def identity(self) -> Mapping[str, Json]:
        return {**self._reference.identity(), **self._reference.saved_as()}

    def build(self, seed: int) -> "ChoiceModel":
        from distillrun.language_model.choice_scorer import load_scorer
        from distillrun.language_model.load import checkpoint_gradients
        from distillrun.language_model.precision import weight_type
        from distillrun.process.runtime import seeded

        with seeded(seed):
            dtype = weight_type(self.dtype, frozen=False)
            model = load_scorer(self._reference.folder(), self.max_tokens, truncate=self.truncate, dtype=dtype)
        if self.gradient_checkpointing:
            checkpoint_gradients(model.module)
        return model

    def load(self, folder: Path) -> "ChoiceModel":
        from distillrun.language_model.choice_scorer import load_scorer
        from distillrun.language_model.precision import weight_type

        dtype = weight_type(self.dtype, frozen=False)
        return load_scorer(folder, self.max_tokens, truncate=self.truncate, dtype=dtype)

    @cached_property
    def _loading_problems(self) -> list[str]:
        from distillrun.language_model.choice_scorer import load_scorer

        return refusals(lambda: load_scorer(self._reference.outline(), self.max_tokens, outline=True))
