"""The check that the longest texts fit into a student, before anything is spent."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from distillrun.errors import ConfigError
from distillrun.language_model.limits import OWN_TOKENS, Limits
from distillrun.records import TargetPair

if TYPE_CHECKING:
    from distillrun.interfaces import Student


def too_long(student: "Student", limits: Limits, pairs: Iterable[TargetPair]) -> list[str]:
    """Return a complaint about the longest text that does not fit; a student is built only if one may not."""
    long = sorted((pair for pair in pairs if limits.may_be_exceeded(pair)), key=_text_length, reverse=True)
    if not long:
        return []
    try:
        model: Any = student.build(seed=0)
        for pair in long:
            model.lengths([pair])
    except ConfigError as error:
        return [str(error)]
    return []


def too_long_to_score(student: "Student", max_tokens: int, pairs: Iterable[TargetPair]) -> list[str]:
    """Return a complaint about the longest question with an answer that a scorer cannot read at once."""
    long = sorted((pair for pair in pairs if _bytes(pair) + OWN_TOKENS > max_tokens), key=_text_length, reverse=True)
    if not long:
        return []
    try:
        model = student.build(seed=0)
        for pair in long:
            model.choice_size(pair.source, [pair.target])
    except ConfigError as error:
        return [str(error)]
    return []


def _bytes(pair: TargetPair) -> int:
    return sum(len(segment.text.encode()) for segment in (*pair.source, *pair.target))


def _text_length(pair: TargetPair) -> int:
    return sum(len(segment.text) for segment in (*pair.source, *pair.target) if not segment.cut)
