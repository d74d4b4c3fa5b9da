"""The checks that a teacher can give an objective the distributions or hidden states that it needs."""

from collections.abc import Callable, Sequence

from distillrun.config.schema import TrainingConfig
from distillrun.interfaces import (
    ActiveObjective,
    AnyTeacher,
    LanguageModel,
    LogitTeacher,
    ServedTeacher,
    Student,
    StudentObjective,
    Task,
    TokenTeacher,
    WritingStudent,
    requirements_of,
)
from distillrun.pipeline.stages.logit_supervision import wants_teacher
from distillrun.records import Example, Requirements
from distillrun.training.supervision import tokenizer_problem

RATIONALE_TOKENS = 50
"""Of a rationale that is not there yet; those recorded for CommonsenseQA have 48 in the mean."""


def logit_problems(
    named: str, option: str, objective: StudentObjective, teacher: AnyTeacher, student: Student, task: Task
) -> list[str]:
    """Return why the teacher cannot give the objective what it learns from, before any of it is read.

    Args:
        named: the objective, as the command line takes it.
        option: the teacher, as the command line takes it.
        objective, teacher, student, task: the parts.
    """
    if not isinstance(objective, ActiveObjective) or not wants_teacher(objective):
        return []
    if not isinstance(teacher, TokenTeacher):
        return [
            f"{named} needs a teacher whose distributions can be read, but {option} gives texts only; choose "
            "teacher@logit_teacher=local logit_teacher.checkpoint=DIR, or an objective that learns texts "
            "(multitask) or the scores of choices (choice_distillation)"
        ]
    if isinstance(teacher, ServedTeacher) and (problem := _served_problem(named, option, objective.requirements)):
        return [problem]
    if problems := teacher.check(task) or teacher.check_reading():
        return [f"logit_teacher: {problem}" for problem in problems] if "logit_teacher" in option else problems
    if not isinstance(student, WritingStudent):
        return []
    if (
        isinstance(teacher, LogitTeacher)
        and objective.requirements.heads
        and (problems := _head_problems(named, student, teacher))
    ):
        return problems
    differing = tokenizer_problem(student, teacher) if objective.requirements.same_tokenizer else None
    if differing is None:
        return []
    return [
        f"{named} compares teacher and student token by token, but {differing}; or choose objective=universal_logit or "
        "dual_space, which align their texts, or choice_distillation or multitask, which need no tokens of the teacher"
    ]


def _served_problem(named: str, option: str, required: Requirements) -> str | None:
    """Return what an objective wants that a teacher behind a server does not give; None where it gives all."""
    cure = "choose teacher@logit_teacher=local logit_teacher.checkpoint=DIR"
    if required.teacher == "live" or required.logits is None:
        return (
            f"{named} wants the teacher in memory while the student trains, but {option} is asked for its "
            f"distributions once, before; set objective.teacher=stored where the objective has it, or {cure}"
        )
    if required.logits.temperature != 1:
        return (
            f"objective.temperature={required.logits.temperature} cannot be applied to what {option} lists, the "
            f"likeliest ids at temperature 1; set objective.temperature=1, or {cure}"
        )
    return None


def stored_bytes(
    objective: StudentObjective, student: Student, task: Task, examples: Sequence[Example], training: TrainingConfig
) -> int:
    """Return about how large the stored distributions of a training will be; 0 where none are stored.

    Answers are tokenised, of some examples; a rationale, which may not be there yet, counts as `RATIONALE_TOKENS`.
    Where the order of the choices is drawn again for each visit, every visit is stored.
    """
    requirements = requirements_of(objective)
    if (
        not training.max_steps
        or requirements.teacher != "stored"
        or requirements.logits is None
        or not isinstance(student, WritingStudent)
    ):
        return 0
    some = examples[:: len(examples) // 200 + 1]
    texts = [objective.continuation(example, example.answer or 0, task, "") for example in some]
    answers = sum(len(student.cut("".join(one.text for one in text if one.learn))) for text in texts) / len(some)
    rationales = len(objective.needs & {"initial", "revised", "counterfactual"})
    number = 2 if requirements.logits.dtype == "float16" else 4
    ids = len(student.tokens())
    each = number * ids if requirements.logits.top_k is None else (number + 4) * min(requirements.logits.top_k, ids)
    visits = training.max_steps * training.examples_per_step if training.shuffle_choices else len(examples)
    return round(visits * (answers + rationales * RATIONALE_TOKENS) * each)


def _head_problems(named: str, student: WritingStudent, teacher: LogitTeacher) -> list[str]:
    """Return which model's head is not all that makes its logits; loads both models."""
    from distillrun.language_model.head_check import head_problem
    from distillrun.language_model.sampling import writer_of

    models: dict[str, Callable[[], LanguageModel]] = {
        "student": lambda: student.build(seed=0),
        "teacher": lambda: teacher.language_model(student.max_source_tokens, student.max_target_tokens),
    }
    found = {name: head_problem(writer_of(build())) for name, build in models.items()}
    return [
        f"{named} runs the heads of student and teacher by themselves, which the {name}'s architecture does not allow: "
        f"{problem}; choose objective=universal_logit, or another {name}"
        for name, problem in found.items()
        if problem is not None
    ]
