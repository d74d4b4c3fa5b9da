"""The examples of an optimizer step, each with a seed of its own, and the questions in them."""

from collections.abc import Sequence

from distillrun.config.schema import TrainingConfig
from distillrun.interfaces import StudentObjective, Task
from distillrun.records import Example, Question, TeacherRecord, TrainingItem, gold
from distillrun.training.order import derive, examples_of_step, shuffle_choices


def visits_of_step(
    examples: Sequence[Example], records: Sequence[TeacherRecord] | None, settings: TrainingConfig, step: int
) -> list[TrainingItem]:
    """Return the examples of a step, with fresh orders of choices where these are wanted: pure in seed and step."""
    visits = []
    for epoch, index in examples_of_step(len(examples), settings.seed, settings.examples_per_step, step):
        example, record = examples[index], records[index] if records is not None else None
        if settings.shuffle_choices:
            example, record = shuffle_choices(example, record, settings.seed, epoch)
        visits.append(TrainingItem(example, record, derive(settings.seed, "objective", step, example.id)))
    return visits


def question_of(visit: TrainingItem, objective: StudentObjective, task: Task) -> Question:
    """Return the question of a visit with all of its answers, as the student is asked at test time."""
    example, record = visit.example, visit.record
    answers = (objective.continuation(example, choice, task, "") for choice in range(len(example.choices)))
    teacher = record.choice_log_probs if record is not None else None
    return Question(objective.query(example, task).answer, tuple(answers), gold(example), teacher, visit.seed)
