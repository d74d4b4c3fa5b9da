"""Bootstrap intervals over questions, for statistics without a formula."""

from collections.abc import Callable, Sequence
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
    return _quantiles(_resampled(n, statistic, seed, resamples), confidence)


def shifted_interval(
    n: int, statistic: Statistic, value: float, seed: int = 0, resamples: int = 2000, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the percentile interval less the bootstrap's estimate of bias: the mean of the draws minus the value.

    It holds the value, as the percentiles themselves may not where every resample makes a statistic greater.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, sections 10.2 and 13.3.
    """
    known = _resampled(n, statistic, seed, resamples)
    low, high = _quantiles(known, confidence)
    bias = sum(known) / len(known) - value if known else 0.0
    return min(value, low - bias), max(value, high - bias)


def _resampled(n: int, statistic: Statistic, seed: int, resamples: int) -> list[float]:
    """Return the statistic of each draw in which it is defined."""
    import numpy as np

    draws = np.random.default_rng(seed)
    values = [statistic(draws.integers(0, n, n)) for _ in range(resamples)] if n else []
    return [value for value in values if value == value]


def _quantiles(values: Sequence[float], confidence: float) -> tuple[float, float]:
    import numpy as np

    if not values:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
