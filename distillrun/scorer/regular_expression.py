"""A regular expression finds the answer in a text; the answers found are compared."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Literal

from distillrun.interfaces import Grade
from distillrun.records import Json
from distillrun.scorer.shared.plain import best, graded
from distillrun.text.linear_pattern import linear_pattern
from distillrun.text.squad import normalised


class RegularExpression:
    """What a pattern matches is the answer, and right if it equals a reference.

    Patterns are RE2's: their time grows with the length of a text alone, so that none can hang a run.

    Args:
        pattern: its first group is the answer, or all of it where it has none.
        which: of several matches the first or the last.
        normalise: whether answers are compared in SQuAD's normal form, or character by character.
    """

    def __init__(self, pattern: str, which: Literal["first", "last"], normalise: bool) -> None:
        self._pattern = linear_pattern(pattern, "task.scorer.pattern")
        self._which, self._normalise = which, normalise
        self._told = pattern

    @property
    def rule(self) -> str:
        return f"An answer is the {self._which} match of {self._told!r}, and right if it equals an accepted one."

    def read(self, text: str, marked: str | None) -> str | None:
        matches = self._pattern.finditer(text.encode("utf-8", "replace").decode())  # RE2 knows no lone surrogates
        found = next(matches, None) if self._which == "first" else next(iter(deque(matches, maxlen=1)), None)
        answer: str | None = None if found is None else found.group(1 if self._pattern.groups else 0)
        return (answer or "").strip() or None

    def key(self, answer: str) -> str:
        return (normalised(answer) or answer) if self._normalise else answer

    def grade(self, answer: str, accepted: Sequence[str]) -> Grade:
        return graded(best(accepted, lambda other: float(self.key(answer) == self.key(other))), 1.0)

    def identity(self) -> Mapping[str, Json]:
        return {"pattern": self._told, "which": self._which, "normalise": self._normalise}

    def check(self, reference: str) -> str | None:
        return None
