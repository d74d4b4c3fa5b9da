"""Tests on ranks, against scipy and by hand."""

import math
from random import Random

import pytest
from scipy import stats

from distillrun.statistics.correction import bonferroni, holm
from distillrun.statistics.ranks import dunn, friedman, kruskal_wallis, vargha_delaney

DRAW = Random(0)
CELLS = {"a": (3.0, 40), "b": (3.4, 35), "c": (4.2, 50)}
GROUPS = {
    name: [float(min(5, max(1, round(DRAW.gauss(mean, 1))))) for _ in range(n)] for name, (mean, n) in CELLS.items()
}


def test_kruskal_wallis_is_rs() -> None:
    # Hollander and Wolfe 1973, p. 116, as in R's example(kruskal.test): chi-squared = 0.77143, df = 2, p-value = 0.68
    cleared = {
        "normal": [2.9, 3.0, 2.5, 2.6, 3.2],
        "obstructive": [3.8, 2.7, 4.0, 2.4],
        "asbestosis": [2.8, 3.4, 3.7, 2.2, 2.0],
    }
    found = kruskal_wallis(cleared)
    assert (found.statistic, found.df, found.p) == pytest.approx((0.77143, 2, 0.68), abs=5e-5)
    assert found.effect == pytest.approx((found.statistic - 2) / (14 - 3))


def test_kruskal_wallis_by_hand() -> None:
    # ranks 1, 2 | 3, 4: H = 12 / 20 * (9 / 2 + 49 / 2) - 15 = 2.4
    assert kruskal_wallis({"a": [1, 2], "b": [3, 4]}).statistic == pytest.approx(2.4)
    assert math.isnan(kruskal_wallis({"a": [3, 3], "b": [3]}).p)


def test_dunn_of_two_groups_is_the_root_of_kruskal_wallis() -> None:
    two = {"a": GROUPS["a"], "c": GROUPS["c"]}
    (pair,) = dunn(two, bonferroni)
    assert pair.z**2 == pytest.approx(kruskal_wallis(two).statistic)
    assert pair.z > 0  # the second is rated higher
    assert pair.p == pytest.approx(kruskal_wallis(two).p)


def test_dunn_of_three_groups_by_hand() -> None:
    # ranks a 1.5 1.5, b 3.5 3.5, c 5 6; ties: two pairs, sum of t^3 - t = 12
    found = {(one.first, one.second): one for one in dunn({"a": [1, 1], "b": [2, 2], "c": [3, 4]}, bonferroni)}
    variance = 6 * 7 / 12 - 12 / (12 * 5)
    z = (5.5 - 1.5) / math.sqrt(variance * (1 / 2 + 1 / 2))
    assert found["a", "c"].z == pytest.approx(z)
    assert found["a", "c"].p == pytest.approx(2 * stats.norm.sf(z))
    assert found["a", "c"].p_adjusted == pytest.approx(min(1, 3 * found["a", "c"].p))
    assert found["a", "c"].a == 1
    adjusted = [one.p_adjusted for one in dunn(GROUPS, holm)]
    assert adjusted == pytest.approx(holm([one.p for one in dunn(GROUPS, holm)]))


def test_a_is_the_share_of_wins_and_half_the_ties() -> None:
    assert vargha_delaney([3, 4], [1, 3]) == (4 - 0.5) / 4
    assert vargha_delaney([1, 2, 3], [1, 2, 3]) == 0.5
    u = stats.mannwhitneyu(GROUPS["c"], GROUPS["a"]).statistic
    assert vargha_delaney(GROUPS["c"], GROUPS["a"]) == pytest.approx(u / (50 * 40))


def test_friedman_is_scipys() -> None:
    draw = Random(1)
    blocks = [[float(round(draw.gauss(3 + place / 2, 1))) for place in range(4)] for _ in range(20)]
    found, expected = friedman(blocks), stats.friedmanchisquare(*zip(*blocks, strict=True))
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.effect == pytest.approx(found.statistic / (20 * 3))
    assert found.df == 3
    assert friedman([[1, 2, 3]] * 5).effect == pytest.approx(1)  # all raters agree


def test_friedman_of_two_things_is_the_textbooks() -> None:
    # by hand: 7 raters rank the second higher, 2 the first, 1 neither; chi-squared is (7 - 2)^2 / 9 on 1 df
    blocks = [[1.0, 2.0]] * 7 + [[3.0, 2.0]] * 2 + [[4.0, 4.0]]
    found = friedman(blocks)
    assert found.statistic == pytest.approx(25 / 9)
    assert found.p == pytest.approx(stats.chi2.sf(25 / 9, 1))
    assert found.effect == pytest.approx(25 / 9 / 10)
    ranks = [stats.rankdata(block) for block in blocks]  # Friedman's formula with the correction for ties
    sums, ties = [sum(own) for own in zip(*ranks, strict=True)], 1 * (2**3 - 2)
    chi = (12 / (10 * 2 * 3) * sum(one**2 for one in sums) - 3 * 10 * 3) / (1 - ties / (10 * (2**3 - 2)))
    assert found.statistic == pytest.approx(chi)
    assert math.isnan(friedman([[2.0, 2.0], [3.0, 3.0]]).p)


def test_what_cannot_be_tested_is_named() -> None:
    with pytest.raises(ValueError, match="group b holds no value"):
        kruskal_wallis({"a": [1], "b": []})
    with pytest.raises(ValueError, match="1 group: nothing to compare"):
        dunn({"a": [1]}, holm)
    with pytest.raises(ValueError, match="no gaps"):
        friedman([[1, 2], [1]])
