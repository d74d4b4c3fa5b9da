"""The pairs of several objectives, merged: a pair that several learn goes through the student once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from distillrun.loss.tensors import Count
from distillrun.records import TargetPair

BETWEEN = " + "
"""Between the names of the parts that share a pair, in the name of its view."""


def merged(made: Mapping[str, Sequence[TargetPair]]) -> list[TargetPair]:
    """Return the pairs of all parts, equal ones once; the view of each names its parts and their views."""
    views: dict[TargetPair, list[str]] = {}
    for name, pairs in made.items():
        for pair in pairs:
            views.setdefault(replace(pair, view=""), []).append(f"{name}:{pair.view}")
    return [replace(pair, view=BETWEEN.join(names)) for pair, names in views.items()]


def view_of(name: str, view: str) -> str | None:
    """Return the view of a merged pair for one of the parts; None where it is not the part's."""
    for named in view.split(BETWEEN):
        part, _, own = named.partition(":")
        if part == name:
            return own
    return None


def pairs_of(name: str, merged: Sequence[TargetPair]) -> list[TargetPair]:
    """Return the merged pairs that one part learns, with its own views."""
    found = [(pair, view_of(name, pair.view)) for pair in merged]
    return [replace(pair, view=view) for pair, view in found if view is not None]


def counts_of(name: str, counts: Mapping[str, Count]) -> dict[str, Count]:
    """Return the counts of one part's views."""
    found: dict[str, Count] = {}
    for view, count in counts.items():
        own = view_of(name, view)
        if own is not None:
            before = found.get(own, Count(0, 0))
            found[own] = Count(before.tokens + count.tokens, before.pairs + count.pairs)
    return found
