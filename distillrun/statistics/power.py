"""The number of raters that the next study needs."""

import math
from statistics import NormalDist


def power(difference: float, variance: float, raters: int, per_model: int, comparisons: int = 1) -> float:
    """Return how likely a study finds a difference of two models that its raters both rate.

    Every rater rates both, so that the raters' own levels cancel, and the difference of means has the variance
    2 variance / (raters x per_model). Two-sided, 5 % over all comparisons together (Bonferroni), normal approximation.

    Args:
        difference: of the means, in points of the scale.
        variance: of a rating, without what is its rater's.
        raters: how many.
        per_model: ratings of each model by each rater.
        comparisons: how many pairs are tested.

    Source: Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2, with the normal for t.
    """
    _check(variance, comparisons)
    normal = NormalDist()
    shift = abs(difference) / math.sqrt(2 * variance / (raters * per_model))
    bound = normal.inv_cdf(1 - 0.025 / comparisons)
    return normal.cdf(shift - bound) + normal.cdf(-shift - bound)


def raters_needed(
    difference: float, variance: float, per_model: int, comparisons: int = 1, wanted: float = 0.8
) -> int | None:
    """Return the least number of raters with which `power` is at least `wanted`; None for no difference."""
    _check(variance, comparisons)
    if not difference:
        return None
    normal = NormalDist()
    shift = normal.inv_cdf(1 - 0.025 / comparisons) + normal.inv_cdf(wanted)
    raters = max(1, math.ceil(2 * variance * (shift / difference) ** 2 / per_model))
    while raters > 1 and power(difference, variance, raters - 1, per_model, comparisons) >= wanted:
        raters -= 1  # the other tail, which the formula leaves out, counts where the power is low
    return raters


def _check(variance: float, comparisons: int) -> None:
    if not variance > 0 or comparisons < 1:
        raise ValueError(f"variance={variance} must be above 0, and comparisons={comparisons} 1 or more")
