"""Multitask and counterfactual training at once: four views of every question."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from distillrun.interfaces import Task
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.counterfactual import Counterfactual
from distillrun.objective.multitask import Multitask
from distillrun.objective.shared.view import check_weight, weighted_views
from distillrun.records import Answer, Example, Query, Reply, Segment, TargetPair, TeacherRecord


class MultitaskCounterfactual:
    """Predict, explain, factual and counterfactual views together; answers and explains as a multitask student.

    L = multitask_weight * L_multitask + (1 - multitask_weight) * L_counterfactual, with the two losses and their own
    weights as in `Multitask` and `Counterfactual`. One version of the rationale is learnt in both explain and factual,
    unless `factual_rationale` names another for factual.

    Args:
        multitask_weight: share of the multitask views, 0 to 1.
        predict_weight: share of predict among the multitask views.
        factual_weight: share of factual among the counterfactual views.
        rationale: which version is learnt: initial or revised.
        factual_rationale: which version the factual view learns; None = the same.
        prefix: where the wrong rationale goes: decoder or encoder.
        choice: which choice the counterfactual view argues for: drawn, first_wrong or first.
        multitask: templates of the multitask views.
        counterfactual: templates of the counterfactual views.

    Source: the combined training of arXiv:2504.16056.
    """

    CHOICES_ONLY: ClassVar[str] = "it learns what argues for a wrong choice; use objective=multitask"

    MEANING: ClassVar[Mapping[str, int]] = {"prefix=decoder": 2}

    def __init__(
        self,
        multitask_weight: float,
        predict_weight: float,
        factual_weight: float,
        rationale: str,
        factual_rationale: str | None,
        prefix: str,
        choice: str,
        multitask: Mapping[str, str],
        counterfactual: Mapping[str, str],
    ) -> None:
        share = check_weight("multitask_weight", multitask_weight)
        self._multitask = Multitask(predict_weight=predict_weight, rationale=rationale, **multitask)
        self._counterfactual = Counterfactual(
            factual_weight=factual_weight,
            rationale=rationale if factual_rationale is None else factual_rationale,
            prefix=prefix,
            choice=choice,
            **counterfactual,
        )
        self.weights = {view: share * weight for view, weight in self._multitask.weights.items()}
        self.weights |= {view: (1 - share) * weight for view, weight in self._counterfactual.weights.items()}

    @property
    def needs(self) -> frozenset[str]:
        return self._multitask.needs | self._counterfactual.needs

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        multitask = self._multitask.targets(example, record, task, seed)
        return [*multitask, *self._counterfactual.targets(example, record, task, seed)]

    def query(self, example: Example, task: Task) -> Query:
        return self._multitask.query(example, task)

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        return self._multitask.read(answer_text, explain_text)

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self._multitask.continuation(example, choice, task, rationale)

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return weighted_views(outputs, counts, self.weights)
