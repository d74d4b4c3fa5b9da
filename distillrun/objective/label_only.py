"""The control without rationales: answers alone."""

from collections.abc import Mapping, Sequence

from distillrun.interfaces import ChoiceModel, Task
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.view import choice_nll, label_costs, label_targets, scored_choices, weighted_views
from distillrun.records import Answer, Example, Query, Question, Reply, Segment, TargetPair, TeacherRecord, gold
from distillrun.text.template import Template


class LabelOnly:
    """The answer alone: the floor that a rationale method must beat at equal steps.

    Args:
        source: what the student reads; field {question}.
        target: what it writes; field {answer}.

    Source: the "standard finetuning" row of Hsieh et al. 2023, https://arxiv.org/abs/2305.02301.
    """

    needs: frozenset[str] = frozenset()
    label_sets: str = "also"

    def __init__(self, source: str, target: str) -> None:
        self._source = Template(source, {"question"}, "objective.source")
        self._target = Template(target, {"answer"}, "objective.target")
        self.weights: Mapping[str, float] = {"predict": 1.0}

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        target = self._target.segments({"answer": task.answer(example, gold(example))})
        return [TargetPair(self.query(example, task).answer, target, "predict")]

    def query(self, example: Example, task: Task) -> Query:
        return Query(self._source.segments({"question": task.student_question(example)}))

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        fields = self._target.read(answer_text) or {"answer": answer_text}
        return Reply(fields["answer"], "")

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self._target.segments({"answer": task.answer(example, choice)})

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return weighted_views(outputs, counts, self.weights)

    def choice_loss(self, model: ChoiceModel, questions: Sequence[Question], chosen: Sequence[int]) -> Loss:
        """Teach a student that writes nothing: the cross-entropy of the right choice, per question.

        Of texts with several labels each, it is the binary cross-entropy of every label, the mean over these.
        """
        own = [questions[n] for n in chosen]
        if all(question.labels is not None for question in own):
            loss = label_costs(model, own, lambda scores: label_targets(scores, own)).sum() / len(questions)
            return Loss(loss, {"label": loss.detach()})
        loss = choice_nll(scored_choices(model, own), own).sum() / len(questions)
        return Loss(loss, {"choice": loss.detach()})
