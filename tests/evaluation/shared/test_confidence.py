"""Calibration, risk and cascade against values counted by hand."""

import math
from itertools import pairwise
from random import Random

import pytest

from distillrun.evaluation.calibration import cascade
from distillrun.evaluation.shared.confidence import (
    Confidence,
    calibration_bins,
    error_by_chance,
    expected_calibration_error,
    risk_coverage,
    sureness_of,
    sureness_score,
)
from distillrun.records import Example, Prediction


def scored(*shares: float) -> Prediction:
    """A prediction whose choices have these probabilities, up to a constant."""
    return Prediction("q", "", "", 0, tuple(math.log(share) - 7 for share in shares), (1,) * len(shares))


def test_confidence_is_the_softmax_of_the_log_likelihoods() -> None:
    found = sureness_of(scored(0.5, 0.3, 0.2), Example("q", "?", ("a", "b", "c"), 0))
    assert found.confidence == pytest.approx(0.5)
    assert found.right
    assert found.brier == pytest.approx(0.5**2 + 0.3**2 + 0.2**2)


def test_long_answers_are_no_less_sure_for_being_unlikely() -> None:
    # as long texts are: e to the power of -2000 is 0 on any machine
    long = Prediction("q", "", "", 0, (-2000.0, -2000.0 + math.log(3)), (900, 900))
    assert sureness_of(long, Example("q", "?", ("a", "b"), 1)).confidence == pytest.approx(0.75)


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
    found = [
        Confidence(0.95, True, 0),
        Confidence(0.95, False, 0),
        Confidence(0.25, False, 0),
        Confidence(1.0, True, 0),
    ]
    # the last bin: mean confidence 2.9 / 3, accuracy 2 / 3; the third bin: 0.25 against 0
    assert expected_calibration_error(found, 10) == pytest.approx(0.75 * 0.3 + 0.25 * 0.25)


def guos_error(confidences: list[float], right: list[bool], bins: int) -> float:
    """Return the error as the authors' own code has it: `_ECELoss` of github.com/gpleiss/temperature_scaling."""
    import torch

    sure, accurate = torch.tensor(confidences, dtype=torch.float64), torch.tensor(right)
    boundaries = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    ece = torch.zeros(1, dtype=torch.float64)
    for lower, upper in pairwise(boundaries):
        in_bin = sure.gt(lower.item()) * sure.le(upper.item())
        prop_in_bin = in_bin.double().mean()
        if prop_in_bin.item() > 0:
            accuracy_in_bin = accurate[in_bin].double().mean()
            avg_confidence_in_bin = sure[in_bin].mean()
            ece += torch.abs(avg_confidence_in_bin - accuracy_in_bin) * prop_in_bin
    return float(ece)


@pytest.mark.parametrize("bins", [1, 2, 4, 10, 15])
def test_calibration_error_is_that_of_guos_code(bins: int) -> None:
    draw = Random(bins)
    between = [draw.uniform(0.2, 1) for _ in range(200)]
    # shares of samples lie on the edges of ten bins, and half of those of four
    shares = [count / samples for samples in (2, 4, 5, 8, 10) for count in range(1, samples + 1)]
    confidences = [*between, *shares, 1.0]
    right = [draw.random() < confidence**2 for confidence in confidences]
    found = [Confidence(confidence, one, 0) for confidence, one in zip(confidences, right, strict=True)]
    assert expected_calibration_error(found, bins) == pytest.approx(guos_error(confidences, right, bins), abs=1e-12)


def test_a_bin_holds_its_upper_edge_and_not_its_lower_one() -> None:
    on_edges = [Confidence(place / 10, True, 0) for place in range(1, 11)]
    # Guo's bins are (0, .1], (.1, .2], …: each edge by itself, .3 and .7 among them, whose tenfold is rounded
    assert [count for *_, count in calibration_bins(on_edges, 10)] == [1] * 10
    pair = [Confidence(0.2, False, 0), Confidence(0.2000001, True, 0), Confidence(0.1, True, 0)]
    assert calibration_bins(pair, 10) == [(0.1, 1.0, 1), (0.2, 0.0, 1), (0.2000001, 1.0, 1)]
    assert calibration_bins([Confidence(0.0, False, 0), Confidence(1.0000001, True, 0)], 2) == [
        (0.0, 0.0, 1),
        (1.0000001, 1.0, 1),
    ]


def test_a_student_that_is_always_sure_and_right_has_no_calibration_error() -> None:
    assert expected_calibration_error([Confidence(1.0, True, 0)] * 5, 10) == 0


def test_risk_is_counted_from_the_surest_question_on() -> None:
    found = [Confidence(0.3, False, 0), Confidence(0.9, True, 0), Confidence(0.5, False, 0), Confidence(0.5, True, 0)]
    # the order is 0.9 right, 0.5 wrong, 0.5 right, 0.3 wrong: equals keep their order
    assert risk_coverage(found) == [(0.25, 0.0), (0.5, 0.5), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]


def test_a_cascade_hands_the_least_sure_to_the_teacher() -> None:
    found = [Confidence(0.9, True, 0), Confidence(0.2, False, 0), Confidence(0.8, True, 0), Confidence(0.1, False, 0)]
    rows = {row[0]: row[1:] for row in cascade(found, [False, True, False, True]).rows}
    assert rows["0 %"] == (0.5, None, 0.5)
    assert rows["50 %"] == (1.0, 0.0, 1.0)  # both wrong ones are handed over, and the teacher is right
    assert rows["100 %"] == (None, 0.5, 0.5)
    assert cascade(found, None).rows[0][3] is None


def test_the_interval_of_a_statistic_of_questions_draws_questions() -> None:
    found = [Confidence(0.8, n % 2 == 0, 0) for n in range(100)]
    score = sureness_score("wrong", found, lambda part: sum(not one.right for one in part) / len(part))
    assert (score.name, score.value, score.n) == ("wrong", 0.5, 100)
    # of 100 questions, half of them wrong: .5 +- 1.96 x .05
    assert (score.low, score.high) == pytest.approx((0.402, 0.598), abs=0.02)


def test_a_calibrated_student_is_within_what_chance_brings_and_an_overconfident_one_is_not() -> None:
    draw = Random(3)
    within, errors = 0, []
    for _ in range(100):
        found = [Confidence(sure := draw.uniform(0.2, 1), draw.random() < sure, 0) for _ in range(400)]
        usual, most = error_by_chance(found, 10, draws=200)
        errors.append(expected_calibration_error(found, 10))
        within += errors[-1] <= most
        assert 0.02 < usual < most < 0.09
    # the error of a calibrated student is no sign of anything, and its mean is what is told
    assert within >= 90
    assert sum(errors) / 100 == pytest.approx(usual, rel=0.1)
    bold = [Confidence(sure := draw.uniform(0.2, 1), draw.random() < sure - 0.15, 0) for _ in range(400)]
    assert expected_calibration_error(bold, 10) > error_by_chance(bold, 10)[1]
    assert error_by_chance(bold, 10) == error_by_chance(bold, 10)
    assert error_by_chance(bold, 10, seed=1) != error_by_chance(bold, 10)
