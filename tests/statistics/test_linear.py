"""Linear models of ratings, and the size of the next study."""

from random import Random

import numpy as np
import pytest
from scipy import stats

from distillrun.statistics.linear import linear_model
from distillrun.statistics.power import power, raters_needed

DRAW = Random(3)


def test_a_model_of_names_alone_gives_the_differences_of_means() -> None:
    outcome, names = [1.0, 2.0, 4.0, 6.0, 5.0, 8.0], ["a", "a", "b", "b", "c", "c"]
    fit = linear_model(outcome, {"model": names})
    assert [one.name for one in fit.coefficients] == ["(intercept)", "model: b", "model: c"]
    assert [one.estimate for one in fit.coefficients] == pytest.approx([1.5, 3.5, 5.0])
    assert (fit.f, fit.p) == pytest.approx(tuple(stats.f_oneway([1, 2], [4, 6], [5, 8])))
    other = linear_model(outcome, {"model": names}, {"model": "c"})
    assert [one.estimate for one in other.coefficients] == pytest.approx([6.5, -5.0, -1.5])
    assert other.r_squared == pytest.approx(fit.r_squared)


def test_a_single_number_is_a_regression_line() -> None:
    x = [DRAW.random() for _ in range(30)]
    y = [2 + 3 * value + DRAW.gauss(0, 0.5) for value in x]
    fit, line = linear_model(y, {"length": x}), stats.linregress(x, y)
    slope = fit.coefficients[1]
    assert (slope.estimate, slope.error, slope.p) == pytest.approx((line.slope, line.stderr, line.pvalue))
    half = stats.t.ppf(0.975, 28) * line.stderr
    assert (slope.low, slope.high) == pytest.approx((line.slope - half, line.slope + half))
    assert fit.r_squared == pytest.approx(line.rvalue**2)


def test_predictors_that_cannot_explain_are_named() -> None:
    with pytest.raises(ValueError, match=r"length is constant \(3\)"):
        linear_model([1.0, 2.0, 3.0], {"length": [3, 3, 3]})
    with pytest.raises(ValueError, match="twice follows from the predictors before it"):
        linear_model([1.0, 2.0, 4.0, 3.0], {"length": [1, 2, 3, 4], "twice": [2, 4, 6, 8]})
    with pytest.raises(ValueError, match="2 rows are too few for 2 coefficients"):
        linear_model([1.0, 2.0], {"length": [1, 2]})
    with pytest.raises(ValueError, match="the predictors explain every value"):
        linear_model([1.0, 2.0, 3.0], {"length": [1, 2, 3]})
    with pytest.raises(ValueError, match="model has no level 'x'; its levels: a, b"):
        linear_model([1.0, 2.0, 3.0], {"model": ["a", "b", "a"]}, {"model": "x"})


def test_power_is_what_simulated_studies_find() -> None:
    draw = np.random.default_rng(0)
    raters, per_model, difference, variance = 20, 3, 0.3, 0.6
    means = draw.normal(0, np.sqrt(variance / (raters * per_model)), (20000, 2))
    z = (means[:, 0] - means[:, 1] + difference) / np.sqrt(2 * variance / (raters * per_model))
    simulated = float((np.abs(z) > stats.norm.ppf(0.975)).mean())
    assert power(difference, variance, raters, per_model) == pytest.approx(simulated, abs=0.015)


def test_the_number_of_raters_is_the_least_that_is_enough() -> None:
    for difference, comparisons in ((0.3, 1), (0.3, 6), (1.5, 1), (-0.2, 3)):
        needed = raters_needed(difference, 0.8, 3, comparisons)
        assert needed is not None
        assert power(difference, 0.8, needed, 3, comparisons) >= 0.8
        assert needed == 1 or power(difference, 0.8, needed - 1, 3, comparisons) < 0.8
    assert raters_needed(0.0, 1.0, 3) is None
    assert power(0.0, 1.0, 10, 3) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="variance=0 must be above 0"):
        power(1, 0, 2, 2)
