"""Numbers: an answer is right if it is equal to a reference, or near enough."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from distillrun.interfaces import Grade
from distillrun.records import Json
from distillrun.scorer.shared.plain import best, graded
from distillrun.text.number import numbers_in, written


class Numeric:
    """The number that an answer ends in, compared by its value.

    Where the answer is marked, it is the first number after the marker (of an equation, after its last sign of
    equality); otherwise the last of the text.

    Args:
        tolerance: how far an answer may be from a reference, and still be right; 0 = equal.
        relative_tolerance: the same as a share of the reference; the larger of the two counts.

    Source: the last number, where there is no marker: Kojima et al. 2022, https://arxiv.org/abs/2205.11916, appendix
    A.6 of the first version; the marker of GSM8K: Cobbe et al. 2021, https://arxiv.org/abs/2110.14168.
    """

    def __init__(self, tolerance: float, relative_tolerance: float) -> None:
        if not (0 <= tolerance < float("inf") and 0 <= relative_tolerance < 1):
            raise ValueError(
                f"tolerance={tolerance} must be 0 or more, and relative_tolerance={relative_tolerance} at least 0 and "
                "below 1"
            )
        self._tolerance, self._relative = Fraction(tolerance), Fraction(relative_tolerance)

    @property
    def rule(self) -> str:
        near = "equals an accepted one"
        if self._tolerance or self._relative:
            near += f", up to {float(self._tolerance):g} or {float(self._relative):.3g} of it"
        return f"An answer is a number: what follows its marker, or the last of the text. It is right if it {near}."

    def read(self, text: str, marked: str | None) -> str | None:
        if marked is None:
            found = numbers_in(text)
            return written(found[-1]) if found else None
        line = next((line for line in marked.splitlines() if line.strip()), "")
        found = numbers_in(line.rpartition("=")[2]) or numbers_in(line)
        return written(found[0]) if found else None

    def key(self, answer: str) -> str:
        return answer

    def grade(self, answer: str, accepted: Sequence[str]) -> Grade:
        return graded(best(accepted, lambda other: float(self._is_near(answer, other))), 1.0)

    def identity(self) -> Mapping[str, Json]:
        return {"tolerance": str(self._tolerance), "relative_tolerance": str(self._relative)}

    def check(self, reference: str) -> str | None:
        found = len(numbers_in(reference))
        return None if found == 1 else f"it holds {found or 'no'} numbers, and task.scorer compares one"

    def _is_near(self, answer: str, reference: str) -> bool:
        value, wanted = numbers_in(answer)[0], numbers_in(reference)[0]
        return abs(value - wanted) <= max(self._tolerance, self._relative * abs(wanted))
