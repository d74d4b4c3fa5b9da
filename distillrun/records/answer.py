"""Answers: the index of a choice or, where a question has no choices, a text in free form."""

from dataclasses import dataclass
from typing import TypeAlias

from distillrun.records.base import Record


@dataclass(frozen=True, slots=True)
class FreeAnswer(Record):
    """An answer in free form, as the task read it.

    Attributes:
        text: as it was written.
        key: its normal form: answers with equal keys are one answer.
        score: against what its question accepts, in [0, 1]; None where nothing is known to be right.
        right: whether the score is enough; None where nothing is known to be right.
        accepted: of a right answer that a file gives, the others that it gives.
    """

    text: str
    key: str
    score: float | None = None
    right: bool | None = None
    accepted: tuple[str, ...] = ()


Answer: TypeAlias = int | FreeAnswer
"""The index of a choice, or a text in free form."""


def place(answer: Answer) -> int:
    """Return the index of a choice. Raises ValueError for a text in free form, which is none."""
    if isinstance(answer, FreeAnswer):
        raise ValueError(f"{answer.text!r:.60} is an answer in free form, and only a choice has a place among others")
    return answer


def as_told(answer: Answer | None) -> int | str | None:
    """Return an answer as tables and rows show it: an index or a text."""
    return answer.text if isinstance(answer, FreeAnswer) else answer


def alike_key(answer: Answer) -> int | str:
    """Return what equal answers have in common: an index, or a normal form. See `first_alike` for equal choices."""
    return answer.key if isinstance(answer, FreeAnswer) else answer
