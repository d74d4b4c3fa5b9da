"""The interface of scorers of free-form answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from distillrun.records import Json


@dataclass(frozen=True, slots=True)
class Grade:
    """How good an answer is: a score in [0, 1], and whether it counts as right."""

    score: float
    right: bool


@runtime_checkable
class AnswerScorer(Protocol):
    """The reader and grader of answers in free form. Everything is a pure function of the texts."""

    @property
    def rule(self) -> str:
        """One sentence for the report: what counts as right."""

    def read(self, text: str, marked: str | None) -> str | None:
        """Return the answer that a text gives; None = unparsed.

        Args:
            text: all that was written.
            marked: what follows the last marker of an answer in it; None where there is none.
        """

    def key(self, answer: str) -> str:
        """Return the normal form of an answer that was read: answers with equal keys are one answer."""

    def grade(self, answer: str, accepted: Sequence[str]) -> Grade:
        """Return how good an answer is against the best of those that are accepted, one or more."""

    def identity(self) -> Mapping[str, Json]:
        """Return the settings that reading and grading depend on, files by their digests, for fingerprints."""

    def check(self, reference: str) -> str | None:
        """Return why a reference cannot be compared with; None if it can."""
