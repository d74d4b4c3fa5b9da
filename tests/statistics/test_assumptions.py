"""Outliers, normality and equal spread against R."""

import math

import pytest

from distillrun.statistics.assumptions import levene, outlying, shapiro

GROUPS = ([60.1, 62.4, 58.8, 61.0], [64.2, 66.9, 63.1, 65.5, 70.2, 64.8], [55.0, 63.7, 59.9])


def test_outliers_are_those_of_rs_quartiles() -> None:
    # R: quantile(x) has 2.75 and 8.25, so that 16.5 lies on the border and 17.6 beyond it; nothing is beyond 3 ranges
    values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 16.5, -4, 17.6]
    assert [place for place, out in enumerate(outlying(values)) if out] == [11]
    assert not any(outlying(values, reach=3))
    assert [-place for place, out in enumerate(outlying([-value for value in values])) if out] == [-11]
    assert outlying([1, 1, 1, 1, 2]) == [False, False, False, False, True]
    assert [place for place, out in enumerate(outlying(GROUPS[1])) if out] == [4]
    assert outlying([5.0]) == [False]
    assert outlying([]) == []


def test_levenes_test_is_rs_about_medians() -> None:
    # R 4.2: car::leveneTest(y, g), F = 0.89262 and p = 0.43985; all digits from the deviations' analysis of variance
    found = levene(GROUPS)
    assert (found.statistic, found.p) == pytest.approx((0.892615761843, 0.439854871434))
    assert found.df == (2.0, 10.0)


def test_shapiros_test_is_rs() -> None:
    everyone = [value for group in GROUPS for value in group]
    found = shapiro(everyone)
    assert (found.statistic, found.p) == pytest.approx((0.990664451829, 0.999797244909), abs=1e-6)
    found = shapiro(GROUPS[1])
    assert (found.statistic, found.p) == pytest.approx((0.9202654261, 0.507274708), abs=1e-6)


def test_what_cannot_be_tested_has_no_p() -> None:
    for groups in ([[1.0, 2.0, 4.0]], [[1.0, 2.0, 4.0], []], [[1.0, 2.0], [3.0, 5.0]], [[1.0] * 4, [2.0] * 4]):
        assert math.isnan(levene(groups).p)
    assert levene([[1.0, 2.0, 4.0], [1.0, 2.0]]).p < 1
    for values in ([1.0, 2.0], [3.0, 3.0, 3.0]):
        assert math.isnan(shapiro(values).p)
