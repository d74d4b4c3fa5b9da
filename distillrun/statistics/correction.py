"""p values of many tests at once, adjusted so that one chance finding among them stays rare.

A test that was not possible has nan for p, keeps it, and is not counted among them, as in R's `p.adjust`.
"""

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p values, in the order given. Source: Holm 1979, Scandinavian Journal of Statistics 6."""
    order = sorted(_known(p_values), key=lambda place: p_values[place])
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Return each p value times their number, at most 1."""
    count = len(_known(p_values))
    return [p if math.isnan(p) else min(1.0, count * p) for p in p_values]


def _known(p_values: Sequence[float]) -> list[int]:
    return [place for place, p in enumerate(p_values) if not math.isnan(p)]
