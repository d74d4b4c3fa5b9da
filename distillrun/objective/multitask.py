"""Two views of a question: predict the answer, explain it."""

from collections.abc import Mapping, Sequence

from distillrun.interfaces import Task
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.view import check_version, check_weight, weighted_views
from distillrun.records import Answer, Example, Query, Reply, Segment, TargetPair, TeacherRecord, factual, gold
from distillrun.text.template import Template


class Multitask:
    """The answer and the rationale as two tasks with a prefix each; explaining costs nothing at test time.

    L = predict_weight * L_predict + (1 - predict_weight) * L_explain, each the mean over its own tokens.

    Args:
        predict_source, explain_source: what the student reads in either view; field {question}.
        predict_target: field {answer}.
        explain_target: field {rationale}.
        predict_weight: share of the predict view, 0 to 1.
        rationale: which version is learnt: initial or revised.

    Source: Hsieh et al. 2023, https://arxiv.org/abs/2305.02301, equation 5 (lambda = (1 - predict_weight) /
    predict_weight); templates of arXiv:2504.16056.
    """

    def __init__(
        self,
        predict_source: str,
        predict_target: str,
        explain_source: str,
        explain_target: str,
        predict_weight: float,
        rationale: str,
    ) -> None:
        self._predict_source = Template(predict_source, {"question"}, "objective.predict_source")
        self._predict_target = Template(predict_target, {"answer"}, "objective.predict_target")
        self._explain_source = Template(explain_source, {"question"}, "objective.explain_source")
        self._explain_target = Template(explain_target, {"rationale"}, "objective.explain_target")
        self._version = check_version(rationale)
        share = check_weight("predict_weight", predict_weight)
        self.weights: Mapping[str, float] = {"predict": share, "explain": 1 - share}

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self._version})

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        question = {"question": task.student_question(example)}
        answer = {"answer": task.answer(example, gold(example))}
        rationale = {"rationale": factual(record, self._version).text}
        return [
            TargetPair(self._predict_source.segments(question), self._predict_target.segments(answer), "predict"),
            TargetPair(self._explain_source.segments(question), self._explain_target.segments(rationale), "explain"),
        ]

    def query(self, example: Example, task: Task) -> Query:
        question = {"question": task.student_question(example)}
        return Query(self._predict_source.segments(question), self._explain_source.segments(question))

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        answer = self._predict_target.read(answer_text) or {"answer": answer_text}
        rationale = self._explain_target.read(explain_text or "") or {"rationale": explain_text or ""}
        return Reply(answer["answer"], rationale["rationale"])

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self._predict_target.segments({"answer": task.answer(example, choice)})

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return weighted_views(outputs, counts, self.weights)
