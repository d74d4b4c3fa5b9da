"""Confidence intervals of a share, of a mean, and of a difference of means."""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval (low, high) of a share.

    It stays within 0 and 1 and is honest near both, where the usual normal interval collapses. (0, 1) for n = 0.

    Raises:
        ValueError: `successes` is not within 0 and n, or `confidence` not between 0 and 1.

    Source: Wilson 1927, https://doi.org/10.2307/2276774, without continuity correction.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} is not a proportion")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(_upper(confidence))
    share = successes / n
    center = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # at the ends the bound is the share itself; rounding would put it next to it
    low = 0.0 if successes == 0 else (center - spread) / scale
    high = 1.0 if successes == n else (center + spread) / scale
    return low, high


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the mean and its t interval, (mean, low, high); the values are taken as independent.

    No value gives (nan, nan, nan); one value gives its own mean and nan for both bounds, since nothing is known of
    its spread.

    Raises:
        ValueError: `confidence` is not between 0 and 1.
    """
    upper = _upper(confidence)
    if not values:
        return math.nan, math.nan, math.nan
    mean = fmean(values)
    if len(values) == 1:
        return mean, math.nan, math.nan
    from scipy.special import stdtrit  # scipy takes a tenth of a second that a run without means need not wait

    half = float(stdtrit(len(values) - 1, upper)) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def share_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Return `mean_interval` of shares, cut at 0 and 1: a mean of shares lies nowhere else."""
    mean, low, high = mean_interval(values, confidence)
    return mean, low if low != low else max(0.0, low), high if high != high else min(1.0, high)


def welch_interval(
    first: tuple[float, float, int], second: tuple[float, float, int], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return (difference, low, high) of the second mean minus the first, whose spreads may differ.

    Both bounds are nan where there are fewer than two values of one, or none has a spread.

    Args:
        first, second: the mean, the standard deviation and the number of values of each.

    Source: Welch 1947, https://doi.org/10.2307/2332510.
    """
    difference, upper = second[0] - first[0], _upper(confidence)
    if min(first[2], second[2]) < 2:
        return difference, math.nan, math.nan
    parts = [(sd**2 / n, n) for _, sd, n in (first, second)]
    variance = sum(part for part, _ in parts)
    if not variance > 0:
        return difference, math.nan, math.nan
    from scipy.special import stdtrit

    df = variance**2 / sum(part**2 / (n - 1) for part, n in parts)
    half = float(stdtrit(df, upper)) * math.sqrt(variance)
    return difference, difference - half, difference + half


def _upper(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} is not between 0 and 1")
    return 0.5 + confidence / 2
