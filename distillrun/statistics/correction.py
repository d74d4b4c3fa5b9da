"""p values of many tests at once, adjusted so that one chance finding among them stays rare."""

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p values, in the order given. Source: Holm 1979, Scandinavian Journal of Statistics 6."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Return each p value times their number, at most 1."""
    return [min(1.0, len(p_values) * p) for p in p_values]
