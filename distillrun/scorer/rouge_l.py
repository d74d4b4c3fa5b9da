"""ROUGE-L: how long a sequence of words an answer has in common with a reference."""

from collections.abc import Mapping, Sequence

from distillrun.interfaces import Grade
from distillrun.records import Json
from distillrun.scorer.shared.plain import best, check_threshold, graded, read_plain
from distillrun.text.rouge import rouge_l, words


class RougeL:
    """The F1 of the longest common subsequence of the words of an answer and of the nearest accepted one.

    Args:
        right_from: the F1 from which an answer counts as right, above 0 and at most 1.

    Source: Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries, section 3, with beta = 1.
    """

    def __init__(self, right_from: float) -> None:
        check_threshold(right_from)
        self._right_from = right_from

    @property
    def rule(self) -> str:
        return f"The score is ROUGE-L against the nearest accepted answer; it is right from {self._right_from:g} on."

    def read(self, text: str, marked: str | None) -> str | None:
        return read_plain(text, marked)

    def key(self, answer: str) -> str:
        return " ".join(words(answer)) or answer

    def grade(self, answer: str, accepted: Sequence[str]) -> Grade:
        return graded(best(accepted, lambda other: self._likeness(answer, other)), self._right_from)

    def _likeness(self, answer: str, other: str) -> float:
        """Return ROUGE-L; of equal texts 1, also where they hold no word."""
        return 1.0 if self.key(answer) == self.key(other) else rouge_l(answer, other)

    def identity(self) -> Mapping[str, Json]:
        return {"right_from": self._right_from}

    def check(self, reference: str) -> str | None:
        return None if words(reference) else "it holds no word, and ROUGE-L compares words"
