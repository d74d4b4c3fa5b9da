"""Tests on ranks: for ratings, whose steps need not be equal."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Adjust = Callable[[Sequence[float]], list[float]]
"""p values of a family -> the adjusted ones, in the same order."""


@dataclass(frozen=True, slots=True)
class RankTest:
    """A test of several groups at once, with its effect size; nan where no two values differ.

    `effect` is eta squared of H for Kruskal and Wallis's test, and Kendall's W for Friedman's.
    """

    name: str
    statistic: float
    df: int
    p: float
    effect: float


@dataclass(frozen=True, slots=True)
class RankDifference:
    """Two groups: z of `second` against `first`, p, p adjusted over all pairs, and A of `second` over `first`."""

    first: str
    second: str
    z: float
    p: float
    p_adjusted: float
    a: float


def kruskal_wallis(groups: Mapping[str, Sequence[float]]) -> RankTest:
    """Return Kruskal and Wallis's test with the correction for ties; eta squared is (H - k + 1) / (n - k).

    Raises:
        ValueError: there are fewer than two groups, or one is empty.

    Source: Kruskal and Wallis 1952, https://doi.org/10.1080/01621459.1952.10483441; eta: Tomczak and Tomczak 2014.
    """
    _check(groups)
    n, k = sum(map(len, groups.values())), len(groups)
    if len({value for values in groups.values() for value in values}) < 2:
        return RankTest("Kruskal-Wallis", math.nan, k - 1, math.nan, math.nan)
    from scipy.stats import kruskal

    found = kruskal(*groups.values())
    h = max(0.0, float(found.statistic))
    eta = (h - k + 1) / (n - k) if n > k else math.nan
    return RankTest("Kruskal-Wallis", h, k - 1, float(found.pvalue), eta)


def dunn(groups: Mapping[str, Sequence[float]], adjust: Adjust) -> list[RankDifference]:
    """Return Dunn's test of every pair of groups, on the ranks among all groups, with Vargha and Delaney's A.

    Args:
        groups: their values.
        adjust: corrects the p values of all pairs together.

    Raises:
        ValueError: there are fewer than two groups, or one is empty.

    Source: Dunn 1964, https://doi.org/10.1080/00401706.1964.10490181, with the correction for ties.
    """
    _check(groups)
    ranks, ties = _ranks(groups)
    n = sum(map(len, groups.values()))
    variance = n * (n + 1) / 12 - ties / (12 * (n - 1)) if n > 1 else 0.0
    found = []
    for first, second in combinations(groups, 2):
        one, other = ranks[first], ranks[second]
        error = math.sqrt(max(0.0, variance) * (1 / len(one) + 1 / len(other)))
        z = (sum(other) / len(other) - sum(one) / len(one)) / error if error > 0 else math.nan
        p = math.erfc(abs(z) / math.sqrt(2))
        found.append(RankDifference(first, second, z, p, math.nan, vargha_delaney(groups[second], groups[first])))
    adjusted = adjust([one.p for one in found])
    return [
        RankDifference(one.first, one.second, one.z, one.p, p, one.a) for one, p in zip(found, adjusted, strict=True)
    ]


def vargha_delaney(first: Sequence[float], second: Sequence[float]) -> float:
    """Return A: how often a value of the first group is above one of the second, a tie being half; 0.5 = no difference.

    0.56, 0.64 and 0.71 (or 0.44, 0.36 and 0.29) are called small, medium and large.

    Raises:
        ValueError: a group is empty.

    Source: Vargha and Delaney 2000, https://doi.org/10.3102/10769986025002101.
    """
    if not first or not second:
        raise ValueError("a group without values cannot be compared")
    ones, others = Counter(first), Counter(second)
    wins = sum(n * m * ((a > b) + (a == b) / 2) for a, n in ones.items() for b, m in others.items())
    return wins / (len(first) * len(second))


def friedman(blocks: Sequence[Sequence[float]]) -> RankTest:
    """Return Friedman's test, with the correction for ties: do raters agree on the ranking?

    Args:
        blocks: of each rater, a value for each thing, in one order.

    Raises:
        ValueError: there are fewer than two raters or things, or a rater did not rate a thing.

    Source: Friedman 1937, https://doi.org/10.1080/01621459.1937.10503522.
    """
    k = len(blocks[0]) if blocks else 0
    if len(blocks) < 2 or k < 2 or any(len(block) != k for block in blocks):
        raise ValueError(f"{len(blocks)} raters of {k} things each: Friedman's test needs two of both, and no gaps")
    n = len(blocks)
    if all(len(set(block)) == 1 for block in blocks):
        return RankTest("Friedman", math.nan, k - 1, math.nan, math.nan)
    if k > 2:
        from scipy.stats import friedmanchisquare

        found = friedmanchisquare(*zip(*blocks, strict=True))
        chi, p = float(found.statistic), float(found.pvalue)
    else:  # scipy wants three things; of two, Friedman's test is McNemar's of which one ranks higher
        from statsmodels.stats.contingency_tables import mcnemar

        more, less = sum(a < b for a, b in blocks), sum(a > b for a, b in blocks)
        found = mcnemar([[0, more], [less, 0]], exact=False, correction=False)
        chi, p = float(found.statistic), float(found.pvalue)
    return RankTest("Friedman", chi, k - 1, p, chi / (n * (k - 1)))


def _check(groups: Mapping[str, Sequence[float]]) -> None:
    empty = [name for name, values in groups.items() if not values]
    if len(groups) < 2 or empty:
        raise ValueError(f"group {empty[0]} holds no value" if empty else f"{len(groups)} group: nothing to compare")


def _ranks(groups: Mapping[str, Sequence[float]]) -> tuple[dict[str, list[float]], float]:
    """Return the ranks of each group among all values, ties sharing their mean, and the sum of t^3 - t over ties."""
    counts = Counter(value for values in groups.values() for value in values)
    rank, below, ties = {}, 0, 0.0
    for value in sorted(counts):
        rank[value] = below + (counts[value] + 1) / 2
        below += counts[value]
        ties += counts[value] ** 3 - counts[value]
    return {name: [rank[value] for value in values] for name, values in groups.items()}, ties
