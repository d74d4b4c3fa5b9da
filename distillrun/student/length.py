"""Whether what a student is asked fits into it, before anything is spent on it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from distillrun.errors import ConfigError
from distillrun.language_model.limits import Limits
from distillrun.records import TargetPair

if TYPE_CHECKING:
    from distillrun.interfaces import Student


def too_long(student: "Student", limits: Limits, pairs: Iterable[TargetPair]) -> list[str]:
    """Return a complaint about the longest text that does not fit; a student is built only if one may not."""
    long = sorted((pair for pair in pairs if limits.may_be_exceeded(pair)), key=_text_length, reverse=True)
    if not long:
        return []
    try:
        model = student.build(seed=0)
        for pair in long:
            model.lengths([pair])
    except ConfigError as error:
        return [str(error)]
    return []


def _text_length(pair: TargetPair) -> int:
    return sum(len(segment.text) for segment in (*pair.source, *pair.target) if not segment.cut)
