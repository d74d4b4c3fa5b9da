"""Checks of the assumptions of tests of means: no outliers, normal groups, equal variances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test's outcome. `statistic` and `p` are nan where the data do not allow the test."""

    name: str
    statistic: float
    p: float
    df: tuple[float, ...] = ()


def outlying(values: Sequence[float], reach: float = 1.5) -> list[bool]:
    """Return of each value whether it lies beyond the quartiles by more than `reach` interquartile ranges.

    Quartiles are interpolated linearly (Hyndman and Fan's type 7, R's default). Fewer than two values hold no outlier.

    Source: Tukey 1977, Exploratory Data Analysis; `identify_outliers` of R's rstatix.
    """
    if len(values) < 2:
        return [False] * len(values)
    first, _, third = quantiles(values, n=4, method="inclusive")
    margin = reach * (third - first)
    return [value < first - margin or value > third + margin for value in values]


def shapiro(values: Sequence[float]) -> TestResult:
    """Return Shapiro and Wilk's test of normality; nan for fewer than three values or values that are all equal."""
    if len(values) < 3 or len(set(values)) == 1:
        return TestResult("Shapiro-Wilk", math.nan, math.nan)
    from scipy import stats

    found = stats.shapiro(values)
    return TestResult("Shapiro-Wilk", float(found.statistic), float(found.pvalue))


def levene(groups: Sequence[Sequence[float]]) -> TestResult:
    """Return Levene's test of equal variances about the medians (Brown and Forsythe 1974), R's `car::leveneTest`.

    nan where there are fewer than two groups, a group is empty, or none has three values that differ: the deviations
    of two values from their median are equal.
    """
    n = sum(map(len, groups))
    df = (len(groups) - 1.0, float(n - len(groups)))
    constant = all(len(group) <= 2 or len(set(group)) <= 1 for group in groups)
    if len(groups) < 2 or not all(groups) or df[1] < 1 or constant:
        return TestResult("Levene", math.nan, math.nan, df)
    from scipy import stats

    found = stats.levene(*groups, center="median")
    return TestResult("Levene", float(found.statistic), float(found.pvalue), df)
