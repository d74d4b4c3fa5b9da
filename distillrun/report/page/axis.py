"""The axes of charts: round numbers, and where an axis begins."""

from collections.abc import Sequence

HIDDEN = 0.25
"""Where values lie within this share of the highest, an axis from 0 would make them all look alike."""


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers that span [low, high], spaced by 1, 2 or 5 times a power of ten."""
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(nbins=about, steps=[1, 2, 5, 10]).tick_values(low, high if high > low else low + 1)
    return [round(float(tick), 12) for tick in found]


def is_far_from_zero(values: Sequence[float]) -> bool:
    """Return whether an axis from 0 would hide how these values differ."""
    return len(set(values)) > 1 and min(values) > 0 and max(values) - min(values) < HIDDEN * max(values)


def axis_label(value: float, unit: str) -> str:
    """Return a number on an axis."""
    return f"{value:,g} {unit}".rstrip()
