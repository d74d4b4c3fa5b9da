"""Pairs of means, collapsed runs and corrected p values against hand-computed values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from distillrun.statistics.collapse import collapsed
from distillrun.statistics.correction import bonferroni, holm
from distillrun.statistics.tukey import tukey


def test_two_groups_are_students_t_test() -> None:
    # means 2 and 5, pooled variance 1 on 4 df, t = 3 / sqrt(2 / 3) = 3.674235: p = 0.021312, t(.975, 4) = 2.776445
    (pair,) = tukey({"a": [1, 2, 3], "b": [4, 5, 6]})
    assert (pair.first, pair.second) == ("a", "b")
    assert (pair.difference, pair.effect) == pytest.approx((3, 3))
    assert pair.p == pytest.approx(0.021312, abs=1e-5)
    half = 2.776445 * math.sqrt(2 / 3)
    assert (pair.low, pair.high) == pytest.approx((3 - half, 3 + half), abs=1e-4)


def test_three_groups_use_the_table_of_the_studentised_range() -> None:
    # q(.95; 3, 6) = 4.339 in every table; variance 1, n = 3: half-width 4.339 / sqrt(3) = 2.5051
    pairs = tukey({"a": [1, 2, 3], "b": [3, 4, 5], "c": [8, 9, 10]})
    assert [(pair.first, pair.second, pair.difference) for pair in pairs] == [
        ("a", "b", 2),
        ("a", "c", 7),
        ("b", "c", 5),
    ]
    assert pairs[0].high - pairs[0].difference == pytest.approx(2.5051, abs=1e-3)
    assert pairs[0].p > 0.05 > pairs[1].p


def test_groups_of_unequal_size_are_rs_tukey_hsd() -> None:
    # R 4.2: TukeyHSD(aov(y ~ g)); effects are differences over the root of the residual mean square, 7.64425
    groups = {
        "a": [60.1, 62.4, 58.8, 61.0],
        "b": [64.2, 66.9, 63.1, 65.5, 70.2, 64.8],
        "c": [55.0, 63.7, 59.9],
    }
    expected = {
        ("a", "b"): (5.20833333333, 0.315982258713, 10.100684407953, 0.037401313101, 1.88378498228),
        ("a", "c"): (-1.04166666667, -6.830374523544, 4.747041190210, 0.876068024972, -0.376756996455),
        ("b", "c"): (-6.25, -11.609302085608, -0.890697914392, 0.023669704381, -2.26054197873),
    }
    found = {(one.first, one.second): (one.difference, one.low, one.high, one.p, one.effect) for one in tukey(groups)}
    for pair, numbers in expected.items():
        assert found[pair] == pytest.approx(numbers, abs=1e-5)
    narrow = tukey(groups, confidence=0.5)[0]
    assert 0 < narrow.high - narrow.difference < 5.20833333333 - 0.315982258713


def test_groups_without_spread_have_differences_but_no_test() -> None:
    (pair,) = tukey({"a": [1, 1], "b": [2, 2]})
    assert pair.difference == 1
    assert math.isnan(pair.p)
    assert tukey({"a": [1, 2]}) == []
    with pytest.raises(ValueError, match="group b holds no value"):
        tukey({"a": [1], "b": []})


def test_a_run_collapses_against_its_own_cell() -> None:
    # above chance .2, the median run gains .5; three quarters of that are .375, so that .575 is the border
    assert collapsed([0.7, 0.58, 0.57, 0.71, 0.7], chance=0.2) == [False, False, True, False, False]
    assert collapsed([0.2, 0.21, 0.1], chance=0.2) == [False, False, False]
    assert collapsed([0.1]) == [False]


def test_holm_by_hand() -> None:
    # sorted .01 .02 .04: times 3, 2, 1 = .03 .04 .04, never falling
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([]) == []
    assert bonferroni([0.04, 0.01, 0.5]) == pytest.approx([0.12, 0.03, 1.0])


def test_a_test_that_was_not_possible_counts_for_none() -> None:
    # R 4.2: p.adjust(c(.01, NA, .04), "holm") is .02 NA .04, and "bonferroni" .02 NA .08
    assert holm([0.01, math.nan, 0.04]) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)
    assert bonferroni([0.01, math.nan, 0.04]) == pytest.approx([0.02, math.nan, 0.08], nan_ok=True)
    long = [math.nan, 0.01, 0.02, math.nan, 0.03, 0.5]
    assert holm(long) == pytest.approx([math.nan, 0.04, 0.06, math.nan, 0.06, 0.5], nan_ok=True)
    assert holm([math.nan]) == pytest.approx([math.nan], nan_ok=True)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_lies_between_the_raw_and_bonferronis_p(p_values: list[float]) -> None:
    for raw, mild, strict in zip(p_values, holm(p_values), bonferroni(p_values), strict=True):
        assert raw <= mild <= strict


def test_all_pairs_are_scipys() -> None:
    groups = {"z": [60.1, 62.4, 58.8], "a": [64.2, 66.9, 63.1, 65.5], "m": [55.0, 63.7, 59.9, 57.7, 61.2]}
    expected = stats.tukey_hsd(*groups.values())
    bounds = expected.confidence_interval(0.9)
    found = tukey(groups, confidence=0.9)
    assert [(one.first, one.second) for one in found] == [("z", "a"), ("z", "m"), ("a", "m")]
    for one, (i, j) in zip(found, [(0, 1), (0, 2), (1, 2)], strict=True):
        assert one.p == pytest.approx(expected.pvalue[j, i], rel=1e-6)
        assert (one.low, one.high) == pytest.approx((bounds.low[j, i], bounds.high[j, i]), rel=1e-6)


def test_a_group_of_one_value_counts_with_the_spread_of_the_others() -> None:
    # t = (6 - 2) / sqrt(1 x (1 / 3 + 1)) = 3.464102 on 2 df: p = 0.074180; with two groups, Tukey's is Student's
    (pair,) = tukey({"b": [1, 2, 3], "a": [6]})
    assert (pair.first, pair.second, pair.difference, pair.effect) == ("b", "a", 4, 4)
    assert pair.p == pytest.approx(2 * stats.t.sf(4 / math.sqrt(4 / 3), 2), abs=1e-6)
