"""Shares and means over questions as scores, whole and by group."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from distillrun.records import Example, Score
from distillrun.statistics.interval import mean_interval, share_interval, wilson


def share(name: str, flags: Sequence[bool]) -> Score:
    """Return the share of true flags, one or more, with its 95 % Wilson interval."""
    low, high = wilson(sum(flags), len(flags))
    return Score(name, sum(flags) / len(flags), len(flags), low, high, "share")


def mean(name: str, values: Sequence[float], unit: str = "") -> Score:
    """Return the mean of one or more values with its 95 % t interval; one value has none but itself."""
    if len(values) == 1:
        return Score(name, values[0], 1, values[0], values[0], unit)
    value, low, high = mean_interval(values)
    return Score(name, value, len(values), low, high, unit)


def mean_share(name: str, shares: Sequence[float]) -> Score:
    """Return the mean of one or more fractions, one per question, with its 95 % t interval, cut at 0 and 1.

    Where all are 0, or all 1, it is the Wilson interval of so many: no question differs, which is not certainty.
    """
    if set(shares) in ({0.0}, {1.0}):
        low, high = wilson(len(shares) * int(shares[0]), len(shares))
        return Score(name, float(shares[0]), len(shares), low, high)
    value, low, high = share_interval(shares)
    return Score(name, value, len(shares), value if low != low else low, value if high != high else high)


def share_by_group(name: str, flags: Sequence[bool], examples: Sequence[Example]) -> list[Score]:
    """Return the share over all examples, then over each group of them (`name/<group>`)."""
    groups = sorted({example.group for example in examples if example.group is not None})
    members = {
        group: [flag for flag, example in zip(flags, examples, strict=True) if example.group == group]
        for group in groups
    }
    return [share(name, flags), *(share(f"{name}/{group}", members[group]) for group in groups)]


def untouched(
    name: str, score: Callable[[Sequence[int]], Sequence[Score]], examples: Sequence[Example], touched: frozenset[str]
) -> list[Score]:
    """Return the accuracies over the questions that no other split has, as `<name>/untouched`.

    Args:
        name: how the scores that are accuracies end.
        score: returns the scores over the questions at some places.
        examples: of the test.
        touched: ids of those that stand in another split, or nearly; where there are none, or no others, neither is a
            score.
    """
    kept = [place for place, example in enumerate(examples) if example.id not in touched]
    if not kept or len(kept) == len(examples):
        return []
    return [replace(one, name=f"{one.name}/untouched") for one in score(kept) if one.name.split("/")[-1] == name]


def sliced(
    name: str,
    score: Callable[[Sequence[int]], Sequence[Score]],
    examples: Sequence[Example],
    slices: Mapping[str, Sequence[str]],
) -> list[Score]:
    """Return the accuracies over the questions of each slice, as `<name>/<slice>`.

    Args:
        name: how the scores that are accuracies end.
        score: returns the scores over the questions at some places.
        examples: of the test.
        slices: of each question, by its id.
    """
    places: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        for one in slices.get(example.id, ()):
            places.setdefault(one, []).append(place)
    return [
        replace(found, name=f"{found.name}/{one}")
        for one in sorted(places)
        for found in score(places[one])
        if found.name.split("/")[-1] == name
    ]
