"""The outputs of generation steps: by kind, from the last step that makes it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from distillrun.interfaces import AnyTeacher, GenerationStep, RecordedTeacher, is_told_answers
from distillrun.records import Answer, Rationale, TeacherRecord, is_of

EXAMPLES = "examples"
"""The kind of what expansion makes: it is not part of a record, and every later step works on it."""

LABELS = frozenset({"answers", "choice_scores"})
"""The kinds in which a teacher says which choice it takes."""


def makes_of(step: GenerationStep, teacher: AnyTeacher) -> frozenset[str]:
    """Return what a step makes; one that replays recordings makes what the teacher's recordings hold."""
    return step.makes or (teacher.makes if isinstance(teacher, RecordedTeacher) else frozenset())


def makers(
    steps: Mapping[str, GenerationStep], teacher: AnyTeacher, kinds: Collection[str], before: str | None = None
) -> dict[str, str]:
    """Return, for each kind, the last step that makes it; of those before a step, where one is named."""
    names = list(steps)
    names = names[: names.index(before)] if before is not None else names
    found = {kind: name for name in names for kind in makes_of(steps[name], teacher)}
    return {kind: found[kind] for kind in sorted(kinds) if kind in found}


def label_kind(steps: Mapping[str, GenerationStep], teacher: AnyTeacher, before: str | None = None) -> str:
    """Return the kind that holds the teacher's labels: its answers or, where it gives none, its scores of choices.

    Args:
        steps: of the config.
        teacher: the run's.
        before: only what steps before this one make counts.
    """
    made = makers(steps, teacher, LABELS, before)
    return "choice_scores" if made.keys() == {"choice_scores"} else "answers"


def needs_of(
    name: str, steps: Mapping[str, GenerationStep], teacher: AnyTeacher, is_labelled: bool = True
) -> frozenset[str]:
    """Return the kinds that a step needs; `is_labelled`: every question has an answer of its own."""
    step = steps[name]
    if is_labelled or not is_told_answers(step):
        return step.needs
    return step.needs | {label_kind(steps, teacher, before=name)}


def chosen_steps(
    steps: Mapping[str, GenerationStep], teacher: AnyTeacher, wanted: Collection[str], is_labelled: bool = True
) -> dict[str, GenerationStep]:
    """Return the steps, in their order, that make what is wanted, and what these need in turn.

    Args:
        steps: of the config.
        teacher: the run's.
        wanted: the kinds.
        is_labelled: every question has an answer of its own.
    """
    chosen = {name for name, step in steps.items() if EXAMPLES in step.makes}
    chosen |= set(makers(steps, teacher, wanted).values())
    waiting = set(chosen)
    while waiting:
        name = waiting.pop()
        needs = needs_of(name, steps, teacher, is_labelled)
        needed = set(makers(steps, teacher, needs, before=name).values()) - chosen
        chosen |= needed
        waiting |= needed
    return {name: step for name, step in steps.items() if name in chosen}


@dataclass(frozen=True, slots=True)
class StepOutput:
    """The output of one step, and the kinds of it that are used."""

    records: Mapping[str, TeacherRecord]
    kinds: frozenset[str]


def joined(ids: Sequence[str], handed: Sequence[StepOutput]) -> list[TeacherRecord]:
    """Return one record per example id, in order, with what is taken of every step."""
    return [_one([(step.records[id_], step.kinds) for step in handed if id_ in step.records], id_) for id_ in ids]


def _one(parts: Sequence[tuple[TeacherRecord, frozenset[str]]], id_: str) -> TeacherRecord:
    rationales: list[Rationale] = []
    trace: dict[str, str] = {}
    answer: Answer | None = None
    agreement: float | None = None
    log_probs: tuple[float, ...] | None = None
    answers: tuple[int, ...] | None = None
    shares: tuple[float, ...] | None = None
    for record, kinds in parts:
        rationales += [rationale for rationale in record.rationales if is_of(rationale, kinds)]
        trace |= record.trace
        if "answers" in kinds:
            answer, agreement, answers = record.answer, record.agreement, record.answers
        if "label_shares" in kinds:
            shares = record.label_shares
        if "choice_scores" in kinds:
            log_probs = record.choice_log_probs
    failures = tuple(failure for record, _ in parts for failure in record.failures)
    return TeacherRecord(id_, tuple(rationales), trace, answer, agreement, log_probs, failures, answers, shares)
