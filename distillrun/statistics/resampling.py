"""Bootstrap intervals over questions, for statistics without a formula."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # the command line imports this package, and numpy takes its time
    import numpy as np
    from numpy.typing import NDArray

Statistic: TypeAlias = "Callable[[NDArray[np.intp]], float]"
"""Takes the indices of the drawn questions, [n]; returns the statistic of them, nan where it is not defined."""


def percentile_interval(
    n: int, statistic: Statistic, seed: int = 0, resamples: int = 2000, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the percentile bootstrap interval (low, high) of a statistic of n questions; (nan, nan) for none.

    Draws where the statistic is not defined are left out.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
    """
    import numpy as np

    draws = np.random.default_rng(seed)
    values = [statistic(draws.integers(0, n, n)) for _ in range(resamples)] if n else []
    known = [value for value in values if value == value]
    if not known:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
