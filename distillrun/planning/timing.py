"""Estimates of a stage's duration from earlier stages of its kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WIDEST = 30.0
"""How many times the shortest time the longest may be; where it is more, nothing comparable was measured."""

BUSY = 1.3
"""By how much a machine may be slower or faster than when the time was taken."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A stage that was timed.

    Attributes:
        seconds: what it took, as far as that grows with the work.
        fixed_s: what it took besides, such as loading a model.
        work: what there was to do, in several measures, such as steps, and tokens times weights.
        what: says which one it was.
    """

    seconds: float
    fixed_s: float
    work: Mapping[str, float]
    what: str


@dataclass(frozen=True, slots=True)
class Span:
    """The shortest and longest expected time in seconds, and the source of the estimate."""

    low_s: float
    high_s: float
    basis: str


def span_of(timed: Iterable[Timed], work: Mapping[str, float]) -> Span | None:
    """Return how long work takes; None where nothing comparable was timed.

    The time of a stage is a sum of parts, each of which grows with one measure of its work, and none of which is
    negative: so many seconds a step, so many a token and weight. How large each part is is not known, but the whole
    grows neither less than the measure that grows least, nor more than the one that grows most.

    Args:
        timed: stages of the same kind, the newest first; the one that narrows it down most counts.
        work: of the stage, in the same measures; one that is left out is as much as it was.
    """
    found: list[Span] = []
    for one in timed:
        ratios = [work.get(name, done) / done for name, done in one.work.items() if done > 0]
        if not ratios or max(ratios) > WIDEST * min(ratios):
            continue
        low, high = (one.fixed_s + one.seconds * ratio for ratio in (min(ratios), max(ratios)))
        found.append(Span(low / BUSY, high * BUSY, one.what))
    return min(found, key=lambda span: span.high_s / max(span.low_s, 1e-9), default=None)


def summed(spans: Iterable[Span]) -> tuple[float, float]:
    """Return from how many to how many seconds several take, one after the other."""
    each = list(spans)
    return sum(span.low_s for span in each), sum(span.high_s for span in each)
