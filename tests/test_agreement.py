"""Agreement of raters, and judges that favour their kin."""

import math

import pytest

from distillrun.statistics.agreement import Metric, krippendorff_alpha
from distillrun.statistics.leakage import preference_leakage, win_rate

NONE = None
# Krippendorff 2011, section C: four observers, twelve units
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3),
    (NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE),
)
UNITS = list(zip(*OBSERVERS, strict=True))


@pytest.mark.parametrize(("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_the_published_one(metric: Metric, published: float) -> None:
    assert krippendorff_alpha(UNITS, metric) == pytest.approx(published, abs=5e-4)


def test_alpha_is_one_where_all_agree_and_undefined_without_variation() -> None:
    assert krippendorff_alpha([(1, 1), (4, 4), (2, 2)]) == 1
    assert math.isnan(krippendorff_alpha([(3, 3), (3, 3)]))
    assert math.isnan(krippendorff_alpha([(3, None), (None, 2)]))


def test_alpha_does_not_depend_on_who_is_called_first() -> None:
    assert krippendorff_alpha([unit[::-1] for unit in UNITS]) == pytest.approx(krippendorff_alpha(UNITS))


def test_a_unit_that_one_rater_rated_changes_nothing() -> None:
    assert krippendorff_alpha([*UNITS, (5, None, None, None)]) == pytest.approx(krippendorff_alpha(UNITS))


def test_the_leakage_score_is_the_mean_excess_over_the_average_judge() -> None:
    assert preference_leakage(0.6, 0.4, 0.55, 0.45) == pytest.approx(0.15)  # (0.1 / 0.5 + 0.05 / 0.5) / 2
    assert preference_leakage(0.7, 0.7, 0.3, 0.3) == 0
    with pytest.raises(ValueError, match="never wins"):
        preference_leakage(0.0, 0.0, 1.0, 1.0)


def test_a_tie_is_half_a_win() -> None:
    assert win_rate([5, 3, 2, 1], [4, 3, 3, 1]) == 0.5
    assert win_rate([2], [1]) + win_rate([1], [2]) == 1
    with pytest.raises(ValueError, match="no pairs"):
        win_rate([1], [1, 2])
