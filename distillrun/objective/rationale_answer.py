"""One target with answer and rationale."""

from collections.abc import Mapping, Sequence

from distillrun.errors import ConfigError
from distillrun.interfaces import Task
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.view import check_version, weighted_views
from distillrun.records import Answer, Example, Query, Reply, Segment, TargetPair, TeacherRecord, factual, gold
from distillrun.text.template import Template


class RationaleAnswer:
    """One text that holds the answer and its rationale.

    With the answer first, the explanation is written after the fact and cannot help the answer; with the rationale
    first, it can, and costs its tokens at test time.

    Args:
        source: what the student reads; field {question}.
        answer_first, rationale_first: what it writes in either order; fields {answer} and {rationale}.
        order: which of the two: answer_first or rationale_first.
        rationale: which version is learnt: initial or revised.

    Source: "standard" training of arXiv:2504.16056 (answer first); the single-task form of Hsieh et al. 2023,
    https://arxiv.org/abs/2305.02301, section 4.3 (rationale first).
    """

    def __init__(self, source: str, answer_first: str, rationale_first: str, order: str, rationale: str) -> None:
        orders = {"answer_first": answer_first, "rationale_first": rationale_first}
        if order not in orders:
            raise ConfigError(f"objective.order={order!r} is unknown; choose answer_first or rationale_first")
        self._source = Template(source, {"question"}, "objective.source")
        self._target = Template(orders[order], {"answer", "rationale"}, f"objective.{order}")
        self._order = order
        self._version = check_version(rationale)
        self.weights: Mapping[str, float] = {"predict": 1.0}

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self._version})

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        target = self.written(task.answer(example, gold(example)), factual(record, self._version).text)
        return [TargetPair(self.query(example, task).answer, target, "predict")]

    def written(self, answer: str, rationale: str) -> tuple[Segment, ...]:
        """Return what the student writes with this answer and this rationale."""
        return self._target.segments({"answer": answer, "rationale": rationale})

    def query(self, example: Example, task: Task) -> Query:
        source = self._source.segments({"question": task.student_question(example)})
        return Query(source, rationale="before" if self._order == "rationale_first" else "after")

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        fields = self._target.read(answer_text) or {"answer": answer_text, "rationale": ""}
        return Reply(fields["answer"], fields["rationale"])

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self._target.answering({"answer": task.answer(example, choice), "rationale": rationale})

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return weighted_views(outputs, counts, self.weights)
