"""Normalised match: equality after case, punctuation, articles and spacing are taken away, as for SQuAD."""

from collections.abc import Mapping, Sequence

from distillrun.interfaces import Grade
from distillrun.records import Json
from distillrun.scorer.shared.plain import best, graded, read_plain
from distillrun.text.squad import normalised


class NormalisedMatch:
    """Equality of normal forms.

    Source: exact match of SQuAD, Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250, section 6.1.
    """

    rule = (
        "An answer is right if it equals an accepted one; case, ASCII punctuation, English articles and spacing do not "
        "count."
    )

    def read(self, text: str, marked: str | None) -> str | None:
        return read_plain(text, marked)

    def key(self, answer: str) -> str:
        return normalised(answer) or answer

    def grade(self, answer: str, accepted: Sequence[str]) -> Grade:
        return graded(best(accepted, lambda other: float(self.key(answer) == self.key(other))), 1.0)

    def identity(self) -> Mapping[str, Json]:
        return {}

    def check(self, reference: str) -> str | None:
        return None
