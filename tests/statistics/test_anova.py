"""Analysis of variance against hand-computed tables, and properties that R's `car` and `rstatix` share."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.statistics.anova import Anova, anova


def by_factors(made: Anova) -> dict[tuple[str, ...], tuple[float, int, float]]:
    return {effect.factors: (effect.sum_of_squares, effect.df, effect.f) for effect in made.effects}


def test_two_factors_by_hand() -> None:
    # cells (a,x): 1 3, (a,y): 5 7, (b,x): 2 4, (b,y): 10 12; means 2 6 3 11, grand mean 5.5
    # SS_letter: means 4 and 7, 4 x (1.5^2 + 1.5^2) = 18; SS_side: 2.5 and 8.5, 4 x (9 + 9) = 72
    # SS_cells: 2 x (12.25 + .25 + 6.25 + 30.25) = 98, interaction 98 - 90 = 8; residual 4 x 2 = 8 on 4 df, MS 2
    levels = [("a", "x")] * 2 + [("a", "y")] * 2 + [("b", "x")] * 2 + [("b", "y")] * 2
    made = anova([1, 3, 5, 7, 2, 4, 10, 12], ["letter", "side"], levels)
    assert by_factors(made) == {
        ("letter",): pytest.approx((18, 1, 9)),
        ("side",): pytest.approx((72, 1, 36)),
        ("letter", "side"): pytest.approx((8, 1, 4)),
    }
    assert (made.residual_df, made.residual_sum_of_squares) == pytest.approx((4, 8))
    assert [effect.generalised_eta_squared for effect in made.effects] == pytest.approx([18 / 26, 72 / 80, 8 / 16])
    # F(1, 4) is the square of Student's t: t = 3 on 4 df has p = 0.039942, t = 2 p = 0.116117
    assert made.effects[0].p == pytest.approx(0.039942, abs=1e-6)
    assert made.effects[2].p == pytest.approx(0.116117, abs=1e-6)


def test_one_factor_by_hand() -> None:
    # means 2, 4, 9, grand mean 5: SS = 3 x (9 + 1 + 16) = 78 on 2 df; within: 3 x 2 = 6 on 6 df; F = 39 / 1
    made = anova([1, 2, 3, 3, 4, 5, 8, 9, 10], ["arm"], [("a",)] * 3 + [("b",)] * 3 + [("c",)] * 3)
    assert by_factors(made) == {("arm",): pytest.approx((78, 2, 39))}
    assert made.residual_df == 6


def test_type_two_does_not_depend_on_the_order_of_unequal_cells() -> None:
    values = [1.0, 2.0, 4.0, 3.0, 8.0, 7.5, 9.0, 2.5]
    levels = [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("b", "y"), ("b", "y"), ("b", "x")]
    one = by_factors(anova(values, ["letter", "side"], levels))
    other = by_factors(anova(values[::-1], ["side", "letter"], [(side, letter) for letter, side in levels[::-1]]))
    assert one["letter",] == pytest.approx(other["letter",])
    assert one["side",] == pytest.approx(other["side",])
    assert one["letter", "side"] == pytest.approx(other["side", "letter"])


def test_unequal_cells_are_rs_analysis_of_type_two() -> None:
    # R 4.2: car::Anova(lm(y ~ g * f), type = 2)
    values = [60.1, 62.4, 58.8, 61.0, 64.2, 66.9, 63.1, 65.5, 70.2, 64.8, 55.0, 63.7, 59.9]
    made = anova(values, ["g", "f"], list(zip("aaaabbbbbbccc", "xyxyxyxxyyxyy", strict=True)))
    assert by_factors(made) == {
        ("g",): pytest.approx((116.4215225564, 2, 15.23177), rel=1e-6),
        ("f",): pytest.approx((40.5614035088, 1, 10.61354), rel=1e-6),
        ("g", "f"): pytest.approx((9.1294298246, 2, 1.19443), rel=1e-5),
    }
    assert [effect.p for effect in made.effects] == pytest.approx([0.0028198, 0.0139058, 0.3578475], rel=1e-4)
    assert (made.residual_sum_of_squares, made.residual_df) == pytest.approx((26.7516666667, 7))


def test_three_factors_have_main_effects_and_interactions_of_two() -> None:
    levels = [(a, b, c) for a in "ab" for b in "xy" for c in "pq" for _ in range(2)]
    made = anova([float(3 * (a == "b") + i % 2) for i, (a, _, _) in enumerate(levels)], ["a", "b", "c"], levels)
    assert [effect.factors for effect in made.effects] == [
        *[("a",), ("b",), ("c",)],
        *[("a", "b"), ("a", "c"), ("b", "c")],
    ]
    # 16 runs, 1 + 3 + 3 parameters; 3 between two halves of 8 is 16 x 1.5^2 = 36, and 0 or 1 leave 16 x .25 = 4
    assert made.residual_df == 9
    assert made.order == 2
    assert made.effects[0].sum_of_squares == pytest.approx(36)
    assert made.residual_sum_of_squares == pytest.approx(4)
    assert made.effects[1].f == pytest.approx(0)


def test_one_run_in_each_cell_leaves_the_interactions_out() -> None:
    made = anova([1, 2, 4, 6], ["a", "b"], [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")])
    assert [effect.factors for effect in made.effects] == [("a",), ("b",)]
    assert made.residual_df == 1
    assert made.order == 1


def test_an_empty_cell_costs_a_degree_of_freedom_of_the_interaction() -> None:
    levels = [("a", "x")] * 2 + [("a", "y")] * 2 + [("b", "x")] * 2
    made = anova([1, 2, 3, 4, 5, 7], ["a", "b"], levels)
    assert [effect.df for effect in made.effects] == [1, 1, 0]
    assert math.isnan(made.effects[2].p)


def test_no_spread_within_cells_gives_no_test() -> None:
    made = anova([0.1, 0.1, 0.3, 0.3], ["arm"], [("a",), ("a",), ("b",), ("b",)])
    assert math.isnan(made.effects[0].f)


@pytest.mark.parametrize(
    ("values", "levels", "message"),
    [
        ([1.0, 2.0], [("a",), ("a",)], "factor arm has one level only \\(a\\)"),
        ([1.0, 2.0], [("a",), ("b",)], "no two runs share their levels"),
        ([1.0], [("a",), ("b",)], "1 values, but levels of 2 runs"),
    ],
)
def test_what_cannot_be_compared_is_refused(values: list[float], levels: list[tuple[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        anova(values, ["arm"], levels)


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8), st.floats(-3, 3), st.floats(0.1, 10))
def test_shifting_and_scaling_change_no_share(values: list[float], shift: float, scale: float) -> None:
    levels = [(a, b) for a in "ab" for b in "xy" for _ in range(2)]
    made = anova(values, ["a", "b"], levels)
    moved = anova([scale * value + shift for value in values], ["a", "b"], levels)
    if made.residual_sum_of_squares > 1e-6:
        for effect, other in zip(made.effects, moved.effects, strict=True):
            assert other.generalised_eta_squared == pytest.approx(effect.generalised_eta_squared, abs=1e-6)
