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
    means = {name: fmean(values) for name, values in groups.items()}
    df = sum(map(len, groups.values())) - len(groups)
    squares = sum((value - means[name]) ** 2 for name, values in groups.items() for value in values)
    variance = squares / df if df > 0 else 0.0
    return [
        _difference(first, second, means, groups, variance, df, confidence) for first, second in combinations(groups, 2)
    ]


def _difference(
    first: str,
    second: str,
    means: Mapping[str, float],
    groups: Mapping[str, Sequence[float]],
    variance: float,
    df: int,
    confidence: float,
) -> Difference:
    difference = means[second] - means[first]
    if variance <= 0:
        return Difference(first, second, difference, math.nan, math.nan, math.nan, math.nan)
    from scipy.stats import studentized_range

    error = math.sqrt(variance / 2 * (1 / len(groups[first]) + 1 / len(groups[second])))
    half = float(studentized_range.ppf(confidence, len(groups), df)) * error
    p = float(studentized_range.sf(abs(difference) / error, len(groups), df))
    low, high = difference - half, difference + half
    return Difference(first, second, difference, low, high, min(1.0, p), difference / math.sqrt(variance))
