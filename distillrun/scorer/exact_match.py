"""Exact match: an answer is right if it is a reference, character by character."""

import unicodedata
from collections.abc import Mapping, Sequence

from distillrun.interfaces import Grade
from distillrun.records import Json
from distillrun.scorer.shared.plain import best, graded, read_plain


class ExactMatch:
    """Equality of texts; only the blanks around them and the composition of characters (NFC) do not count."""

    rule = "An answer is right if it equals an accepted one, character by character."

    def read(self, text: str, marked: str | None) -> str | None:
        return read_plain(text, marked)

    def key(self, answer: str) -> str:
        return unicodedata.normalize("NFC", answer).strip()

    def grade(self, answer: str, accepted: Sequence[str]) -> Grade:
        return graded(best(accepted, lambda other: float(self.key(answer) == self.key(other))), 1.0)

    def identity(self) -> Mapping[str, Json]:
        return {}

    def check(self, reference: str) -> str | None:
        return None
