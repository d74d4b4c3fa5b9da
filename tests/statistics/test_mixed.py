"""Mixed models of ratings against R's lme4 and lmerTest.

The constants are those of R 4.2.2 with lme4 1.1-31 and lmerTest 3.1-3, `coef(summary(m))`, `VarCorr(m)` and
`anova(m, type = 3)`, the optimizer bobyqa run to 1e-10.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from distillrun.statistics.linear import linear_model
from distillrun.statistics.mixed import MixedFit, _pooled, mixed_model

Rows = dict[str, list[str]]


def made_up(count: int, raters: int, items: int) -> tuple[list[float], list[float], Rows]:
    """Return quality, length, and the names of rater, item and model: unbalanced and crossed, without any draw."""
    quality, lengths, names = [], [], Rows(rater=[], item=[], model=[], kind=[])
    for i in range(count):
        rater, item = (i * i + i // 7) % raters, (i * 5 + i // 11) % items
        model, length = item % 3, 10 + (i * 13) % 23
        level = 3 + (rater * 37 % 11) / 6 + (item * 29 % 13) / 13 + (0, 0.4, -0.3)[model]
        quality.append(level + 0.02 * length + ((i * i * 7 + i * 3) % 19) / 12)
        lengths.append(float(length))
        for name, value in (("rater", rater), ("item", item), ("model", "abc"[model]), ("kind", "xy"[rater % 2])):
            names[name].append(str(value))
    return quality, lengths, names


def check(fit: MixedFit, expected: list[tuple[float, float, float, float]]) -> None:
    """Compare estimates, errors, degrees of freedom and p."""
    assert fit.converged
    for one, (estimate, error, df, p) in zip(fit.coefficients, expected, strict=True):
        assert one.estimate == pytest.approx(estimate, rel=1e-6, abs=1e-7)
        assert one.error == pytest.approx(error, rel=1e-6)
        assert one.df == pytest.approx(df, rel=1e-5)
        assert one.p == pytest.approx(p, rel=1e-4)
        assert one.statistic == pytest.approx(estimate / error, rel=1e-5)


def test_the_published_study_of_sleep_has_its_published_figures() -> None:
    # Belenky et al. 2003 as in lme4: lmer(Reaction ~ Days + (1 | Subject)); Bates et al. 2015 print t = 13.02, and
    # Kuznetsova et al. 2017 have 161 degrees of freedom
    with (Path(__file__).parents[1] / "data" / "sleepstudy.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    reaction, days = ([float(row[name]) for row in rows] for name in ("Reaction", "Days"))
    fit = mixed_model(reaction, {"Days": days}, {"Subject": [row["Subject"] for row in rows]})
    slope = (10.4672859596, 0.804221430123, 160.999999762, 6.41260220746e-27)
    check(fit, [(251.4051048485, 9.746716154610, 22.8102000719, 2.24134727220e-18), slope])
    assert fit.variances["Subject"] == pytest.approx(1378.178472626, rel=1e-5)
    assert fit.residual_variance == pytest.approx(960.456581374, rel=1e-6)


def test_crossed_raters_and_items_have_the_figures_of_lmer_and_lmertest() -> None:
    # lmer(quality ~ model + length + (1 | rater) + (1 | item))
    quality, length, names = made_up(90, 9, 17)
    groups = {name: names[name] for name in ("rater", "item")}
    fit = mixed_model(quality, {"model": names["model"], "length": length}, groups, {"model": "a"})
    check(
        fit,
        [
            (4.8640385212542, 0.31255770619503, 33.8578170459, 5.41045630447e-17),
            (0.7752098774200, 0.26283833098786, 13.3313604730, 1.10302086446e-02),
            (-0.1154057754589, 0.27753798185096, 13.6442050117, 6.84007816570e-01),
            (0.0143750377308, 0.00773624875328, 71.6806489341, 6.72555391813e-02),
        ],
    )
    assert fit.variances == pytest.approx({"rater": 0.319671536440, "item": 0.159294607817}, rel=1e-5)
    assert fit.residual_variance == pytest.approx(0.190841371392, rel=1e-6)
    joint = fit.joint["model"]
    assert joint.df == 2
    assert joint.statistic == pytest.approx(6.63336807574, rel=1e-6)
    assert (joint.residual_df, joint.p) == pytest.approx((13.2847585335, 0.0100554617271), rel=1e-5)
    half = 2.160368 * 0.26283833098786  # qt(.975, 13) = 2.160369; at 13.33 degrees it is a little less
    assert fit.coefficients[1].high - fit.coefficients[1].estimate == pytest.approx(half, rel=0.003)


def test_with_few_raters_there_are_few_degrees_of_freedom() -> None:
    quality, length, names = made_up(40, 4, 10)
    groups = {name: names[name] for name in ("rater", "item")}
    fit = mixed_model(quality, {"model": names["model"], "length": length}, groups, {"model": "a"})
    check(
        fit,
        [
            (4.3587110637276, 0.4433803422269, 9.90692591357, 1.99763412967e-06),
            (0.9425846587142, 0.3449203907166, 4.61844043638, 4.47683617453e-02),
            (0.0076374910175, 0.3149210990641, 4.81266279289, 9.81624784514e-01),
            (0.0184669660088, 0.0126485712268, 31.90672183084, 1.54065990257e-01),
        ],
    )
    # by the normal, the difference of b would have p = .0063, and all models together .0097
    assert fit.joint["model"].p == pytest.approx(0.076604823305, rel=1e-5)
    quality, _, names = made_up(90, 9, 17)
    groups = {name: names[name] for name in ("rater", "item")}
    check(
        mixed_model(quality, {"kind": names["kind"]}, groups, {"kind": "x"}),
        [
            (5.4371371606562, 0.308329602628, 10.88896399583, 2.35911185132e-09),
            (-0.0507026294289, 0.410597630794, 7.01424640852, 9.05187080212e-01),
        ],
    )


@pytest.mark.parametrize(("offset", "unit"), [(1e7, 1.0), (0.0, 1e-7), (0.0, 1e7), (-1e5, 1e-3)])
def test_offsets_and_units_change_no_test(offset: float, unit: float) -> None:
    quality, length, names = made_up(90, 9, 17)
    groups = {name: names[name] for name in ("rater", "item")}
    plain = mixed_model(quality, {"model": names["model"], "length": length}, groups)
    moved = mixed_model(
        [offset + unit * value for value in quality],
        {"model": names["model"], "length": [1e6 + 1000 * value for value in length]},
        groups,
    )
    for one, other in zip(plain.coefficients[1:], moved.coefficients[1:], strict=True):
        assert (other.statistic, other.df) == pytest.approx((one.statistic, one.df), rel=1e-4)
    assert moved.residual_variance == pytest.approx(unit**2 * plain.residual_variance, rel=1e-5)
    assert moved.shares == pytest.approx(plain.shares, rel=1e-4)


def test_one_grouping_by_itself_is_fitted_too() -> None:
    quality, _, names = made_up(40, 4, 10)
    fit = mixed_model(quality, {"model": names["model"]}, {"rater": names["rater"]}, {"model": "a"})
    check(
        fit,
        [
            (4.7407199470216, 0.334361315917, 3.72347647341, 2.24014596952e-04),
            (0.9122546049936, 0.222310752975, 34.49595629009, 2.35744673875e-04),
            (0.0335056992246, 0.195903375331, 34.23601824197, 8.65205643049e-01),
        ],
    )
    joint = fit.joint["model"]
    assert (joint.statistic, joint.residual_df) == pytest.approx((10.2950321917, 34.3427141981), rel=1e-4)


def test_intercepts_that_do_not_vary_leave_the_ordinary_model_as_in_r() -> None:
    # R: boundary (singular) fit; lmerTest's degrees of freedom are then those of lm
    quality = [3 + ((i * i * 7 + i * 3) % 19) / 12 + 0.3 * (i % 2) for i in range(60)]
    means = [sum(quality[start : start + 6]) / 6 for start in range(0, 60, 6)]
    centred = [value - means[i // 6] for i, value in enumerate(quality)]
    raters = [str(i // 6) for i in range(60)]
    fit = mixed_model(centred, {"model": ["ab"[i % 2] for i in range(60)]}, {"rater": raters})
    check(
        fit,
        [
            (-0.0930555555556, 0.0826878738556, 58, 0.265062082254),
            (0.1861111111111, 0.1169383126504, 58, 0.116926012492),
        ],
    )
    assert fit.variances["rater"] == pytest.approx(0, abs=1e-9)
    assert fit.note == "the intercepts of rater do not vary beyond chance"


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
    assert fit.joint["model"].residual_df == pytest.approx(fit.coefficients[1].df)
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


def test_degrees_of_freedom_of_independent_parts_are_pooled_as_lmertest_pools_them() -> None:
    """lmerTest 3.1 (R), get_Fstat_ddf: with E = sum of nu / (nu - 2), 2 E / (E - q); 2 where one is small."""
    assert _pooled([4.0, 10.0]) == pytest.approx(2 * 3.25 / (3.25 - 2))
    assert _pooled([1.5, 9.0]) == 2.0
    assert _pooled([7.0, 7.0]) == 7.0
