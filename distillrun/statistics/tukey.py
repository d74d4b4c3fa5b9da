"""Tukey's honestly significant differences: all pairs of means at once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of `second` minus mean of `first`, its simultaneous interval, and p over all pairs together.

    `effect` is the difference in pooled standard deviations (Cohen's d). Bounds, p and effect are nan where no group
    has a spread.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    effect: float


def tukey(groups: Mapping[str, Sequence[float]], confidence: float = 0.95) -> list[Difference]:
    """Return the difference of every pair of groups, by Tukey and Kramer, with the spread pooled over all groups.

    Groups may be of unequal size, and one of a single value still counts. Fewer than two groups have no difference.

    Raises:
        ValueError: a group is empty.

    Source: Tukey 1949; Kramer 1956, https://doi.org/10.2307/3001469; R's `TukeyHSD` of a one-way model.
    """
    empty = [name for name, values in groups.items() if not values]
    if empty:
        raise ValueError(f"group {empty[0]} holds no value; leave it out")
    if len(groups) < 2:
        return []
    means = [fmean(values) for values in groups.values()]
    pairs = list(combinations(enumerate(groups), 2))
    df = sum(map(len, groups.values())) - len(groups)
    squares = sum((value - mean) ** 2 for mean, values in zip(means, groups.values(), strict=True) for value in values)
    if df < 1 or squares <= 0:
        unknown = [math.nan] * 4
        return [Difference(first, second, means[j] - means[i], *unknown) for (i, first), (j, second) in pairs]
    from statsmodels.stats.multicomp import MultiComparison

    values = [value for own in groups.values() for value in own]
    places = [place for place, own in enumerate(groups.values()) for _ in own]  # statsmodels sorts groups by name
    found = MultiComparison(values, places).tukeyhsd(alpha=1 - confidence)
    results = zip(pairs, found.meandiffs, found.confint, found.pvalues, strict=True)
    sd = math.sqrt(squares / df)
    return [
        Difference(first, second, float(apart), float(low), float(high), float(p), float(apart) / sd)
        for ((_, first), (_, second)), apart, (low, high), p in results
    ]
