import math
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.evaluation.shared.share import mean_share
from distillrun.statistics.interval import mean_interval, share_interval, welch_interval, wilson


def test_wilson_agrees_with_a_computation_by_hand() -> None:
    # 8 of 10, z = 1.96: center (0.8 + 3.8416 / 20) / 1.38416 = 0.716740, spread 1.96 sqrt(0.016 + 0.009604) / 1.38416
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.490160, abs=2e-5)
    assert high == pytest.approx(0.943320, abs=2e-5)


def test_wilson_is_honest_at_both_ends() -> None:
    # 0 of n: the upper bound is z^2 / (n + z^2)
    assert wilson(0, 10) == pytest.approx((0.0, 3.841459 / 13.841459), abs=1e-6)
    assert wilson(10, 10) == pytest.approx((10 / 13.841459, 1.0), abs=1e-6)
    assert wilson(0, 1221)[0] == 0.0
    assert wilson(1221, 1221)[1] == 1.0


def test_nothing_is_known_of_a_share_of_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    successes, n = counts
    low, high = wilson(successes, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low <= successes / n <= high
    mirrored = wilson(n - successes, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (3, 7), (7, 7), (244, 1221), (700, 1221)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_wilson_agrees_with_scipy(successes: int, n: int, confidence: float) -> None:
    from scipy.stats import binomtest

    expected = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    assert wilson(successes, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_mean_interval_agrees_with_a_computation_by_hand() -> None:
    # mean 2, sd 1, t(2 degrees, 97.5 %) = 4.302653, half width 4.302653 / sqrt(3)
    assert mean_interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, -0.484138, 4.484138), abs=1e-6)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_mean_interval_agrees_with_scipy(confidence: float) -> None:
    from scipy import stats

    values = [0.61, 0.58, 0.66, 0.63, 0.59, 0.6]
    low, high = stats.t.interval(confidence, len(values) - 1, loc=sum(values) / len(values), scale=stats.sem(values))
    assert mean_interval(values, confidence)[1:] == pytest.approx((low, high), abs=1e-12)


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert mean_interval([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)


def test_the_spread_of_one_value_is_unknown() -> None:
    mean, low, high = mean_interval([0.25])
    assert mean == 0.25
    assert math.isnan(low)
    assert math.isnan(high)
    assert all(math.isnan(value) for value in mean_interval([]))


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (1, 0)])
def test_an_impossible_share_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="is not a proportion"):
        wilson(successes, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_an_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        wilson(1, 2, confidence)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        mean_interval([1.0, 2.0], confidence)


def test_an_interval_of_shares_holds_nothing_that_no_share_can_be() -> None:
    mean, low, high = mean_interval([0.9, 1.0])
    assert high > 1
    assert share_interval([0.9, 1.0]) == (mean, low, 1.0)
    assert share_interval([0.0, 0.1])[1] == 0.0
    assert share_interval([0.5, 0.51]) == mean_interval([0.5, 0.51])
    assert math.isnan(share_interval([0.5])[1])


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_difference_of_two_means_agrees_with_scipys_welch(confidence: float) -> None:
    from scipy import stats

    first, second = [0.61, 0.58, 0.66, 0.63, 0.59, 0.6], [0.72, 0.6, 0.5]
    told = [(fmean(values), stdev(values), len(values)) for values in (first, second)]
    expected = stats.ttest_ind(second, first, equal_var=False).confidence_interval(confidence)
    difference, low, high = welch_interval(told[0], told[1], confidence)
    assert difference == pytest.approx(fmean(second) - fmean(first))
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_difference_of_single_or_equal_runs_has_no_interval() -> None:
    for one in ((0.5, math.nan, 1), (0.5, 0.0, 3)):
        difference, low, high = welch_interval(one, (0.7, 0.0, 4))
        assert difference == pytest.approx(0.2)
        assert math.isnan(low)
        assert math.isnan(high)


def test_a_mean_of_shares_stays_within_0_and_1_and_is_never_certain() -> None:
    plain = mean_share("x", [0.5, 0.25, 0.75])
    assert (plain.value, plain.low, plain.high) == pytest.approx(share_interval([0.5, 0.25, 0.75]))
    assert mean_share("x", [1.0, 0.5, 1.0, 1.0]).high == 1.0
    for value, expected in ((0.0, wilson(0, 7)), (1.0, wilson(7, 7))):
        found = mean_share("x", [value] * 7)
        assert (found.value, found.n, found.low, found.high) == (value, 7, *expected)
    single = mean_share("x", [0.5])
    assert (single.low, single.high) == (0.5, 0.5)
