"""The base of objectives that learn the texts of another one: its queries, targets and reading, and their loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distillrun.interfaces import Task, TextObjective, token_loss_of
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.view import weighted_views
from distillrun.records import Answer, Example, Query, Reply, Segment, TargetPair, TeacherRecord


@dataclass(eq=False)
class SameTexts:
    """The targets, queries and reading of a text objective; subclasses add the losses.

    Args:
        texts: any objective that learns texts.
    """

    texts: TextObjective

    @property
    def needs(self) -> frozenset[str]:
        return self.texts.needs

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        return self.texts.targets(example, record, task, seed)

    def query(self, example: Example, task: Task) -> Query:
        return self.texts.query(example, task)

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        return self.texts.read(answer_text, explain_text)

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self.texts.continuation(example, choice, task, rationale)

    def text_loss(self, outputs: StudentOutputs, counts: Mapping[str, Count], weights: Mapping[str, float]) -> Loss:
        """Return the loss of the texts, in what their tokens cost, under these weights of the views."""
        return weighted_views(outputs, counts, weights, token_loss_of(self.texts))
