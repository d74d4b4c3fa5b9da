"""Token F1: how many words an answer shares with a reference, as for SQuAD."""

from collections.abc import Mapping, Sequence

from distillrun.interfaces import Grade
from distillrun.records import Json
from distillrun.scorer.shared.plain import best, check_threshold, graded, read_plain
from distillrun.text.squad import normalised, token_f1


class TokenF1:
    """The F1 of the words of an answer and of the nearest accepted one, both in SQuAD's normal form.

    Args:
        right_from: the F1 from which an answer counts as right, above 0 and at most 1.

    Source: SQuAD, Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250, section 6.1.
    """

    def __init__(self, right_from: float) -> None:
        check_threshold(right_from)
        self._right_from = right_from

    @property
    def rule(self) -> str:
        return (
            "The score is the F1 of the words that an answer shares with the nearest accepted one, without case, "
            f"punctuation and articles; it is right from {self._right_from:g} on."
        )

    def read(self, text: str, marked: str | None) -> str | None:
        return read_plain(text, marked)

    def key(self, answer: str) -> str:
        return normalised(answer) or answer

    def grade(self, answer: str, accepted: Sequence[str]) -> Grade:
        return graded(best(accepted, lambda other: token_f1(answer, other)), self._right_from)

    def identity(self) -> Mapping[str, Json]:
        return {"right_from": self._right_from}

    def check(self, reference: str) -> str | None:
        return None
