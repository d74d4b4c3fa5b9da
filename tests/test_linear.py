"""Linear and mixed models of ratings, and the size of the next study."""

from random import Random

import numpy as np
import pytest
from scipy import stats

from distillrun.statistics.linear import linear_model
from distillrun.statistics.mixed import mixed_model
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


def ratings(raters: int, items: int) -> tuple[list[float], list[str], list[str], list[str]]:
    """Return ratings of two models by every rater on every item: raters vary by 1, items by 0.5, noise by 0.6."""
    draw = np.random.default_rng(7)
    of_rater, of_item = draw.normal(0, 1.0, raters), draw.normal(0, 0.5, items)
    rows = [(r, i, m) for r in range(raters) for i in range(items) for m in (0, 1)]
    outcome = [3 + 0.5 * m + of_rater[r] + of_item[i] + draw.normal(0, 0.6) for r, i, m in rows]
    return outcome, ["ab"[m] for _, _, m in rows], [f"r{r}" for r, _, _ in rows], [f"i{i}" for _, i, _ in rows]


def test_a_mixed_model_finds_what_was_put_in() -> None:
    outcome, models, raters, items = ratings(30, 12)
    fit = mixed_model(outcome, {"model": models}, {"rater": raters, "item": items})
    assert fit.converged
    assert fit.note == ""
    assert fit.joint["model"].df == 1
    assert fit.joint["model"].statistic == pytest.approx(fit.coefficients[1].statistic ** 2)
    assert fit.joint["model"].p == pytest.approx(fit.coefficients[1].p)
    assert fit.coefficients[1].estimate == pytest.approx(0.5, abs=0.1)
    assert fit.residual_variance == pytest.approx(0.36, abs=0.05)
    assert fit.variances["rater"] == pytest.approx(1.0, abs=0.5)
    assert fit.variances["item"] == pytest.approx(0.25, abs=0.2)
    total = fit.residual_variance + sum(fit.variances.values())
    assert fit.shares == pytest.approx({name: value / total for name, value in fit.variances.items()})
    # in a balanced study, the difference is that of the means, and its error that of the residual alone
    means = [np.mean([value for value, own in zip(outcome, models, strict=True) if own == name]) for name in "ab"]
    assert fit.coefficients[1].estimate == pytest.approx(means[1] - means[0])
    assert fit.coefficients[1].error == pytest.approx(np.sqrt(2 * fit.residual_variance / 360), rel=1e-3)
    assert fit.coefficients[1].error < linear_model(outcome, {"model": models}).coefficients[1].error


def test_the_variances_of_a_balanced_study_are_those_of_its_analysis_of_variance() -> None:
    # every rater rates every item under both models: REML then gives Henderson's moment estimators
    raters, items = 20, 10
    outcome, models, of_rater, of_item = ratings(raters, items)
    cube = np.array(outcome).reshape(raters, items, 2)
    grand, n = cube.mean(), cube.size
    squares = [float(((cube.mean(axis=axes) - grand) ** 2).sum()) for axes in ((1, 2), (0, 2), (0, 1))]
    rater, item, model = squares[0] * items * 2, squares[1] * raters * 2, squares[2] * raters * items
    residual_df = n - 1 - (raters - 1) - (items - 1) - 1
    residual = (float(((cube - grand) ** 2).sum()) - rater - item - model) / residual_df
    fit = mixed_model(outcome, {"model": models}, {"rater": of_rater, "item": of_item})
    assert fit.residual_variance == pytest.approx(residual, rel=1e-3)
    assert fit.variances["rater"] == pytest.approx((rater / (raters - 1) - residual) / (items * 2), rel=1e-2)
    assert fit.variances["item"] == pytest.approx((item / (items - 1) - residual) / (raters * 2), rel=1e-2)


@pytest.mark.parametrize("seed", range(5))
def test_intercepts_that_do_not_vary_are_said_not_to(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(3, 1, (10, 6))
    outcome = (noise - noise.mean(axis=1, keepdims=True)).ravel()  # no rater's mean differs from another's
    raters, models = [f"r{n // 6}" for n in range(60)], ["ab"[n % 2] for n in range(60)]
    fit = mixed_model(outcome.tolist(), {"model": models}, {"rater": raters})
    assert fit.variances["rater"] == pytest.approx(0, abs=1e-6)
    assert fit.note == "the intercepts of rater do not vary beyond chance"
    # nothing is left of the raters: the model is the ordinary one
    plain = linear_model(outcome.tolist(), {"model": models})
    assert [one.estimate for one in fit.coefficients] == pytest.approx([one.estimate for one in plain.coefficients])
    assert [one.error for one in fit.coefficients] == pytest.approx([one.error for one in plain.coefficients], rel=1e-3)


def test_the_errors_of_an_unbalanced_study_are_those_of_generalised_least_squares() -> None:
    draw = np.random.default_rng(11)
    raters, items = draw.integers(0, 15, 120), draw.integers(0, 30, 120)
    length = draw.normal(20, 5, 120)
    outcome = 3 + 0.05 * length + draw.normal(0, 0.8, 15)[raters] + draw.normal(0, 0.5, 30)[items]
    outcome = outcome + 0.4 * (items % 2) + draw.normal(0, 0.6, 120)
    columns = {"model": ["ab"[item % 2] for item in items], "length": length.tolist()}
    groups = {"rater": [f"r{n}" for n in raters], "item": [f"i{n}" for n in items]}
    fit = mixed_model(outcome.tolist(), columns, groups, {"model": "a"})
    of_rater, of_item = (own[:, None] == own[None, :] for own in (raters, items))
    covariance = fit.residual_variance * np.eye(120) + fit.variances["rater"] * of_rater
    covariance = covariance + fit.variances["item"] * of_item
    design = np.column_stack([np.ones(120), items % 2, length])
    inverse = np.linalg.inv(covariance)
    spread = np.linalg.inv(design.T @ inverse @ design)
    estimates = spread @ design.T @ inverse @ outcome
    assert [one.estimate for one in fit.coefficients] == pytest.approx(estimates.tolist(), rel=1e-3)
    assert [one.error for one in fit.coefficients] == pytest.approx(np.sqrt(np.diag(spread)).tolist(), rel=1e-2)


def test_a_grouping_that_never_repeats_is_left_out() -> None:
    outcome, models, raters, _ = ratings(10, 4)
    unique = [f"item {n}" for n in range(len(outcome))]
    assert set(mixed_model(outcome, {"model": models}, {"rater": raters, "item": unique}).variances) == {"rater"}
    with pytest.raises(ValueError, match="no level of item occurs twice"):
        mixed_model(outcome, {"model": models}, {"item": unique})


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
