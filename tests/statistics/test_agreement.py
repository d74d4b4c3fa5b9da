"""Agreement of raters, and judges that favour their kin."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from distillrun.statistics.agreement import Metric, cohen_kappa, krippendorff_alpha
from distillrun.statistics.leakage import leakage_of, preference_leakage, win

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
    assert [win(own, other) for own, other in ((5, 4), (3, 3), (2, 3), (1, 1))] == [1, 0.5, 0, 0.5]


def test_leakage_is_drawn_from_questions() -> None:
    by_i = {f"q{n}": float(n % 10 < 6) for n in range(40)}
    by_j = {f"q{n}": float(n % 10 < 4) for n in range(40)}
    found = leakage_of([(by_i, by_j)])
    assert found.rates == pytest.approx((0.6, 0.4, 0.6, 0.4))
    assert found.score == pytest.approx(0.2)

    def score(drawn: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> float:
        own, other = (float(np.mean([wins[f"q{n}"] for n in drawn])) for wins in (by_i, by_j))
        return preference_leakage(own, other, 1 - other, 1 - own)

    known = stats.bootstrap((np.arange(40),), score, n_resamples=2000, method="percentile", vectorized=False, rng=1)
    expected = known.confidence_interval
    assert found.interval == pytest.approx((expected.low, expected.high), abs=0.03)
    # with four questions it is as good as none
    few = leakage_of([({n: by_i[n] for n in list(by_i)[3:7]}, {n: by_j[n] for n in list(by_j)[3:7]})])
    assert few.interval[0] <= 0 < few.score


def test_pairs_of_students_count_alike_whatever_questions_they_have() -> None:
    one = {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}
    found = leakage_of([(one, one), ({"a": 1.0, "e": 1.0}, {"b": 0.0})])
    assert found.rates == pytest.approx((0.75, 0.25, 0.75, 0.25))
    with pytest.raises(ValueError, match="never wins"):
        leakage_of([({"a": 0.0}, {"a": 0.0})])


def test_kappa_is_that_of_scikit_learn() -> None:
    drawn = np.random.default_rng(0)
    for share in (0.2, 0.5, 0.9):
        one, other = drawn.random(40) < share, drawn.random(40) < 0.6
        pairs = list(zip(one.tolist(), other.tolist(), strict=True))
        assert cohen_kappa(pairs) == pytest.approx(cohen_kappa_score(one, other))
    assert np.isnan(cohen_kappa([(True, True)] * 3))
    assert np.isnan(cohen_kappa([]))
