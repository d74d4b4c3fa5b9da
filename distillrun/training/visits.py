"""The examples of an optimizer step, each with a seed of its own, and the questions in them."""

from collections.abc import Sequence

from distillrun.config.schema import TrainingConfig
from distillrun.interfaces import FreeFormTask, LabelTask, StudentObjective, Task
from distillrun.records import Example, Question, Segment, TeacherRecord, TrainingItem, gold_choice
from distillrun.training.order import derive, examples_of_step, shuffle_choices


def shuffles(task: Task, settings: TrainingConfig) -> bool:
    """Return whether choices get a fresh order in every epoch: not where a student reads none."""
    return settings.shuffle_choices and not isinstance(task, LabelTask | FreeFormTask)


def visits_of_step(
    examples: Sequence[Example],
    records: Sequence[TeacherRecord] | None,
    task: Task,
    settings: TrainingConfig,
    step: int,
) -> list[TrainingItem]:
    """Return the examples of a step, with fresh orders of choices where these are wanted: pure in seed and step."""
    visits, shuffle = [], shuffles(task, settings)
    for epoch, index in examples_of_step(len(examples), settings.seed, settings.examples_per_step, step):
        example, record = examples[index], records[index] if records is not None else None
        if shuffle:
            example, record = shuffle_choices(example, record, settings.seed, epoch)
        visits.append(TrainingItem(example, record, derive(settings.seed, "objective", step, example.id)))
    return visits


class Questions:
    """The questions of visits with all of their answers, as the student is asked at test time.

    Answers depend on the choices alone, so those of labels are written once.
    """

    def __init__(self, objective: StudentObjective, task: Task) -> None:
        self._objective, self._task = objective, task
        self._written: dict[tuple[str, ...], tuple[tuple[Segment, ...], ...]] = {}

    def of(self, visit: TrainingItem) -> Question:
        """Return the question of a visit."""
        example, record = visit.example, visit.record
        source = self._objective.query(example, self._task).answer
        answers = self._answers(example)
        if example.answers is not None:
            shares = record.label_shares if record is not None else None
            return Question(source, answers, None, None, visit.seed, example.answers, shares)
        teacher = record.choice_log_probs if record is not None else None
        return Question(source, answers, gold_choice(example), teacher, visit.seed)

    def _answers(self, example: Example) -> tuple[tuple[Segment, ...], ...]:
        if isinstance(self._task, LabelTask) and example.choices in self._written:
            return self._written[example.choices]
        choices = range(len(example.choices))
        answers = tuple(self._objective.continuation(example, choice, self._task, "") for choice in choices)
        if isinstance(self._task, LabelTask):
            self._written[example.choices] = answers
        return answers
