"""The detection of runs that collapsed while other runs of their cell did not."""

from collections.abc import Sequence
from statistics import median

LOST = 0.25
"""How much of what its cell's median run has above chance a run must lose to count as collapsed."""


def collapsed(values: Sequence[float], chance: float = 0.0, lost: float = LOST) -> list[bool]:
    """Return of each run of a cell whether it collapsed: it lost more than `lost` of its cell's gain over chance.

    The rule needs no spread, so that it holds for three seeds as for thirty. It only flags: nothing is taken out. A
    single run, or a cell whose median is no better than chance, has nothing to fall from.

    Args:
        values: the accuracies of the runs of one cell.
        chance: what guessing would score.
        lost: a share.
    """
    if len(values) < 2:
        return [False] * len(values)
    gain = median(values) - chance
    return [gain > 0 and value - chance < (1 - lost) * gain for value in values]
