"""The protocols that the parts of each config group keep."""

from collections.abc import Mapping

from distillrun.interfaces import (
    AnswerScorer,
    EnsembleTeacher,
    GenerationStep,
    Metric,
    RecordedTeacher,
    Scorer,
    Student,
    StudentObjective,
    Task,
    Teacher,
    TextObjective,
    Tracker,
)

PROTOCOLS: Mapping[str, tuple[type, ...]] = {
    "task": (Task,),
    "scorer": (AnswerScorer,),
    "teacher": (Teacher, RecordedTeacher, EnsembleTeacher),
    "generation": (GenerationStep,),
    "student": (Student,),
    "objective": (StudentObjective, TextObjective),
    "evaluation": (Scorer, Metric),
    "tracking": (Tracker,),
}
"""What the objects of each config group can do; they keep one of the protocols."""

LISTED = frozenset({"generation", "evaluation"})
"""The groups of which several options are chosen at once."""


def members(protocol: type) -> set[str]:
    """Return the names that an object must have to keep a protocol."""
    names = {name for base in protocol.__mro__[:-1] for name in {**vars(base), **vars(base).get("__annotations__", {})}}
    return {name for name in names if not name.startswith("_")}


def missing_members(made: object, group: str) -> list[str]:
    """Return the members that an object is missing to be one of the group's, by the nearest protocol."""
    gaps = []
    for protocol in PROTOCOLS[group]:
        if isinstance(made, protocol):
            return []
        gaps.append(sorted(name for name in members(protocol) if not hasattr(made, name)))
    return min(gaps, key=len)
