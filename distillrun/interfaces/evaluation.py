"""Scoring rules."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from distillrun.interfaces.model import ChoiceModel
from distillrun.interfaces.objective import StudentObjective
from distillrun.interfaces.task import Task
from distillrun.records import Example, Prediction, Score


@runtime_checkable
class Evaluator(Protocol):
    """A scoring rule: `predict` costs compute and is stored, `score` is pure."""

    @property
    def reads_texts(self) -> bool:
        """Whether the student must write for it."""

    def predict(
        self,
        student: ChoiceModel,
        objective: StudentObjective,
        examples: Sequence[Example],
        task: Task,
        tokens_per_batch: int,
    ) -> list[Prediction]: ...

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[Score]:
        """Return scores with bare names such as `accuracy`; the stage puts the split in front."""
