"""Agreement of several raters beyond chance."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import Literal

Metric = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(units: Sequence[Sequence[float | None]], metric: Metric = "ordinal") -> float:
    """Return Krippendorff's alpha: 1 for perfect agreement, 0 for that of chance, below 0 for less.

    A unit that fewer than two raters rated tells nothing and plays no part. nan where no unit is left, or all values
    are equal: without variation, chance would agree as well.

    Args:
        units: of each thing that was rated, the value that each rater gave it; None = not rated.
        metric: how far apart two values are: nominal = equal or not; ordinal = how many ratings lie between them;
            interval = their difference.

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability,
    https://repository.upenn.edu/asc_papers/43, sections C to E.
    """
    rated = [[value for value in unit if value is not None] for unit in units]
    pairable = [unit for unit in rated if len(unit) > 1]
    observed: Counter[tuple[float, float]] = Counter()
    for unit in pairable:
        for pair in permutations(unit, 2):
            observed[pair] += 1 / (len(unit) - 1)  # type: ignore[assignment]
    totals = Counter(value for unit in pairable for value in unit)
    n = totals.total()
    if len(totals) < 2:
        return math.nan
    distance = _distances(totals, metric)
    apart = math.fsum(weight * distance[pair] for pair, weight in observed.items())
    by_chance = math.fsum(totals[a] * totals[b] * distance[a, b] for a in totals for b in totals if a != b)
    return 1 - (n - 1) * apart / by_chance


def cohen_kappa(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Return Cohen's kappa of two raters' yes or no: 1 for perfect agreement, 0 for that of chance.

    nan where both always say the same one, or nothing was rated: chance would agree as well.

    Source: Cohen 1960, A Coefficient of Agreement for Nominal Scales, https://doi.org/10.1177/001316446002000104.
    """
    n = len(pairs)
    first, second = sum(one for one, _ in pairs), sum(other for _, other in pairs)
    by_chance = first * second + (n - first) * (n - second)
    if by_chance == n * n:
        return math.nan
    observed = sum(one == other for one, other in pairs)
    return (observed * n - by_chance) / (n * n - by_chance)


def _distances(totals: Counter[float], metric: Metric) -> dict[tuple[float, float], float]:
    """Return the squared distance of every two values."""
    values = sorted(totals)
    found = {}
    for place, low in enumerate(values):
        for other, high in enumerate(values[place:], start=place):
            if metric == "nominal":
                distance = float(low != high)
            elif metric == "interval":
                distance = (high - low) ** 2
            else:
                between = sum(totals[value] for value in values[place : other + 1])
                distance = (between - (totals[low] + totals[high]) / 2) ** 2
            found[low, high] = found[high, low] = distance
    return found
