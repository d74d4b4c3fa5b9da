"""Calibration, risk and cascade against values counted by hand."""

import math

import pytest

from distillrun.evaluation.calibration import cascade
from distillrun.evaluation.confidence import Sureness, expected_calibration_error, risk_coverage, sureness_of
from distillrun.records import Example, Prediction


def scored(*shares: float) -> Prediction:
    """A prediction whose choices have these probabilities, up to a constant."""
    return Prediction("q", "", "", 0, tuple(math.log(share) - 7 for share in shares), (1,) * len(shares))


def test_confidence_is_the_softmax_of_the_log_likelihoods() -> None:
    found = sureness_of(scored(0.5, 0.3, 0.2), Example("q", "?", ("a", "b", "c"), 0))
    assert found.confidence == pytest.approx(0.5)
    assert found.right
    assert found.brier == pytest.approx(0.5**2 + 0.3**2 + 0.2**2)


def test_choices_that_read_alike_are_one_answer_and_no_likelier_for_being_repeated() -> None:
    example = Example("q", "?", ("a", "B", "b "), 2)
    found = sureness_of(scored(0.4, 0.3, 0.3), example)
    assert found.confidence == pytest.approx(0.4 / 0.7)
    assert not found.right  # as accuracy has it: the likeliest choice is a
    assert found.brier == pytest.approx((0.4 / 0.7) ** 2 + (1 - 0.3 / 0.7) ** 2)
    assert sureness_of(scored(0.2, 0.3, 0.5), example).right


def test_a_prediction_without_scored_choices_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no choice log-probs"):
        sureness_of(Prediction("q", "", "", 0), Example("q", "?", ("a", "b"), 0))


def test_calibration_error_weighs_the_gaps_of_the_bins() -> None:
    found = [Sureness(0.95, True, 0), Sureness(0.95, False, 0), Sureness(0.25, False, 0), Sureness(1.0, True, 0)]
    # the last bin: mean confidence 2.9 / 3, accuracy 2 / 3; the third bin: 0.25 against 0
    assert expected_calibration_error(found, 10) == pytest.approx(0.75 * 0.3 + 0.25 * 0.25)


def test_a_student_that_is_always_sure_and_right_has_no_calibration_error() -> None:
    assert expected_calibration_error([Sureness(1.0, True, 0)] * 5, 10) == 0


def test_risk_is_counted_from_the_surest_question_on() -> None:
    found = [Sureness(0.3, False, 0), Sureness(0.9, True, 0), Sureness(0.5, False, 0), Sureness(0.5, True, 0)]
    # the order is 0.9 right, 0.5 wrong, 0.5 right, 0.3 wrong: equals keep their order
    assert risk_coverage(found) == [(0.25, 0.0), (0.5, 0.5), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]


def test_a_cascade_hands_the_least_sure_to_the_teacher() -> None:
    found = [Sureness(0.9, True, 0), Sureness(0.2, False, 0), Sureness(0.8, True, 0), Sureness(0.1, False, 0)]
    rows = {row[0]: row[1:] for row in cascade(found, [False, True, False, True]).rows}
    assert rows["0 %"] == (0.5, None, 0.5)
    assert rows["50 %"] == (1.0, 0.0, 1.0)  # both wrong ones are handed over, and the teacher is right
    assert rows["100 %"] == (None, 0.5, 0.5)
    assert cascade(found, None).rows[0][3] is None
