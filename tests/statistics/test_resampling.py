"""Intervals by drawing questions again, against scipy's."""

import math

import numpy as np
import pytest
from scipy import stats

from distillrun.statistics.resampling import percentile_interval, shifted_interval

VALUES = np.random.default_rng(5).exponential(1, 60)


def mean_of(drawn: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> float:
    return float(VALUES[drawn].mean())


def test_the_percentile_interval_is_scipys() -> None:
    found = percentile_interval(60, mean_of, resamples=8000)
    own = stats.bootstrap((VALUES,), np.mean, n_resamples=8000, method="percentile", rng=np.random.default_rng(9))
    assert found == pytest.approx((own.confidence_interval.low, own.confidence_interval.high), abs=0.02)
    narrow = percentile_interval(60, mean_of, resamples=8000, confidence=0.5)
    own = stats.bootstrap((VALUES,), np.mean, n_resamples=8000, confidence_level=0.5, method="percentile", rng=1)
    assert narrow == pytest.approx((own.confidence_interval.low, own.confidence_interval.high), abs=0.02)


def test_the_draws_are_those_of_the_seed() -> None:
    first = percentile_interval(60, mean_of, seed=1, resamples=200)
    assert percentile_interval(60, mean_of, seed=1, resamples=200) == first
    assert percentile_interval(60, mean_of, seed=0) == percentile_interval(60, mean_of)
    assert percentile_interval(60, mean_of, seed=2, resamples=200) != first
    assert percentile_interval(60, mean_of, seed=1, resamples=300) != first


def test_draws_without_a_value_are_left_out() -> None:
    defined = percentile_interval(4, lambda drawn: float(drawn[0]) if drawn[0] > 1 else math.nan, resamples=400)
    assert defined == (2.0, 3.0)
    assert all(math.isnan(one) for one in percentile_interval(4, lambda _: math.nan, resamples=10))
    assert all(math.isnan(one) for one in percentile_interval(0, lambda _: 1.0))


def test_the_shifted_interval_is_the_percentiles_less_scipys_bias() -> None:
    """The variance of a sample is smaller in a resample, by 1/n of it."""
    own = stats.bootstrap((VALUES,), np.var, n_resamples=8000, method="percentile", rng=np.random.default_rng(9))
    value = float(VALUES.var())
    bias = own.bootstrap_distribution.mean() - value
    found = shifted_interval(60, lambda drawn: float(VALUES[drawn].var()), value, resamples=8000)
    interval = own.confidence_interval
    assert found == pytest.approx((interval.low - bias, interval.high - bias), abs=0.05)
    assert bias < 0


def test_the_shifted_interval_holds_the_value_where_percentiles_do_not() -> None:
    """A calibrated student: a statistic that can only grow in a resample."""
    gaps = np.resize([0.1, -0.1], 40)

    def distance(drawn: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> float:
        return abs(float(gaps[drawn].mean())) + 0.01

    value = distance(np.arange(40))
    assert percentile_interval(40, distance)[0] == pytest.approx(value)
    low, high = shifted_interval(40, distance, value)
    assert low < value < high
