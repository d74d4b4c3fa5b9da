"""Classes and their means, held against scikit-learn; confusions; and the baseline that counts words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2
from sklearn.metrics import f1_score, precision_recall_fscore_support

from distillrun.evaluation.shared.bag_of_words import bag_of_words_answers
from distillrun.evaluation.shared.class_scores import UNPARSED, class_scores, confused_pairs, macro_f1
from distillrun.evaluation.shared.confidence import fitted_temperature
from distillrun.records import Example, MetricResult, Prediction, TeacherRecord, place
from tests.answered import answered
from tests.leaves import made

NAMES = ("lost", "rate", "arrival", "never")
TRAIN = [("my card is gone", 0), ("card gone again", 0), ("what price", 1), ("the price please", 1), ("it came", 2)]


def example(text: str, label: int | None) -> Example:
    return Example(text, text, NAMES, label)


def measured(said: list[int | None], right: list[int], train: Any = TRAIN, **changes: Any) -> MetricResult:
    tests = [example(f"card gone {n}" if label == 0 else f"price {n}", label) for n, label in enumerate(right)]
    made_of = [Prediction(one.id, "", "", choice) for one, choice in zip(tests, said, strict=True)]
    context = answered(examples=tests, predictions=made_of, trained_on=[example(*row) for row in train], **changes)
    found: MetricResult = made("evaluation", "classification").measure(context)
    return found


def test_scores_of_classes_are_those_of_scikit_learn() -> None:
    draws = np.random.default_rng(0)
    right, said = draws.integers(0, 6, 200), draws.integers(-1, 5, 200)
    seen = sorted({*right.tolist(), *said.tolist()} - {UNPARSED})
    expected = precision_recall_fscore_support(right, said, labels=seen, zero_division=0)
    found = class_scores(right, said, 9)
    assert [one.place for one in found] == seen
    for name, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [getattr(one, name) for one in found] == pytest.approx(column)
    assert macro_f1(right, said, 9) == pytest.approx(f1_score(right, said, labels=seen, average="macro"))


def test_a_published_example_of_f1() -> None:
    """The table of scikit-learn's user guide, section 3.4.4.3: y_true 0 1 2 0 1 2, y_pred 0 2 1 0 0 1, macro 0.26…"""
    right, said = np.array([0, 1, 2, 0, 1, 2]), np.array([0, 2, 1, 0, 0, 1])
    assert macro_f1(right, said, 3) == pytest.approx(0.26666, abs=1e-4)


def test_confusions_are_counted_the_most_frequent_first() -> None:
    assert confused_pairs([0, 0, 0, 1, 1, 2], [1, 1, 0, 0, UNPARSED, 2], 2) == [(0, 1, 2), (1, UNPARSED, 1)]


def test_a_student_is_held_against_words_and_the_commonest_class() -> None:
    found = measured([0, 0, None, 1], [0, 0, 1, 1])
    classes, confused, compared = found.tables
    assert {row[0]: row[1:4] for row in classes.rows} == {
        "lost": (1.0, 1.0, 1.0),
        "rate": (pytest.approx(2 / 3), 1.0, 0.5),
    }
    assert {row[0]: row[6] for row in classes.rows} == {"lost": 2, "rate": 2}
    assert confused.rows == (("rate", "unparsed", 1, 0.5),)
    assert [row[:2] for row in compared.rows] == [
        ("student", 0.75),
        ("TF-IDF + logistic regression", 1.0),
        ("majority class", 0.5),
    ]
    assert compared.rows[1][3] == -0.25
    scores = {one.name: one for one in found.scores}
    assert scores["macro_f1"].value == pytest.approx((1 + 2 / 3) / 2)
    assert scores["bag_of_words/accuracy"].value == 1.0


def test_words_are_counted_with_the_labels_that_the_student_learnt() -> None:
    unlabelled = [(text, None) for text, _ in TRAIN]
    records = [TeacherRecord(text, (), {}, answer=1 - label if label < 2 else 2) for text, label in TRAIN]
    found = measured([0, 1], [0, 1], unlabelled, records=records)
    assert {one.name: one.value for one in found.scores}["bag_of_words/accuracy"] == 0.0


def test_where_nothing_can_be_fitted_it_is_said() -> None:
    found = measured([0, 1], [0, 1], [("a", 0), ("b", 0)])
    assert "could not be fitted" in found.note
    assert [one.name for one in found.scores] == ["macro_f1"]


def test_scripts_without_spaces_are_read_by_characters() -> None:
    texts = ["我的卡丢了", "卡片丢失", "汇率是多少", "今天的汇率"]
    assert bag_of_words_answers(texts, [0, 0, 1, 1], ["卡丢了吗", "汇率呢"]) == [0, 1]


def test_the_temperature_is_that_of_the_least_loss() -> None:
    draws = np.random.default_rng(1)
    logits = draws.normal(size=(300, 4)) * 3
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = [int(draws.choice(4, p=row)) for row in shares]
    sure = logits * 2.5  # 2.5 times too sure
    made_of = [Prediction(str(n), "", "", 0, tuple(row)) for n, row in enumerate(sure.tolist())]
    found = fitted_temperature(made_of, [Example(str(n), "", tuple("abcd"), label) for n, label in enumerate(right)])

    def loss(inverse: Any) -> float:
        cooled = sure * inverse
        return float((np.logaddexp.reduce(cooled, axis=1) - cooled[np.arange(300), right]).sum())

    assert found == pytest.approx(1 / minimize(loss, [1.0], method="Nelder-Mead").x[0], rel=0.1)
    assert 2.0 < found < 3.2


def test_a_student_that_is_right_on_all_of_dev_is_not_made_certain() -> None:
    made_of = [Prediction(str(n), "", "", 0, (-0.1, -2.4)) for n in range(18)]
    found = fitted_temperature(made_of, [Example(str(n), "", ("a", "b"), 0) for n in range(18)])
    assert 1 / (1 + np.exp(-2.3 / found)) == pytest.approx(1 - 0.5 / 20, abs=1e-3)


def test_calibration_with_a_fitted_temperature_changes_no_answer_and_lowers_the_error() -> None:
    draws = np.random.default_rng(2)
    tests = [Example(str(n), "", ("a", "b"), int(draws.random() > 0.7)) for n in range(200)]
    made_of = [Prediction(one.id, "", "", 0, (-0.001, -7.0)) for one in tests]  # sure, and right seven times of ten
    metric = made("evaluation", "calibration", temperature="fitted")
    context = answered(examples=tests, predictions=made_of, dev=tests, answer=lambda load, asked: made_of)
    scores = {one.name: one.value for one in metric.measure(context).scores}
    assert scores["temperature"] > 3
    assert scores["calibration_error/fitted"] < 0.02 < 0.25 < scores["calibration_error"]
    assert scores["brier/fitted"] < scores["brier"]
    assert "temperature" not in {one.name for one in made("evaluation", "calibration").measure(context).scores}


def test_a_temperature_that_does_not_help_on_dev_stays_one() -> None:
    """Confidences that are right in every bin, and a likelihood that is not the greatest at 1 by the smoothing."""
    tests = [Example(str(n), "", ("a", "b"), int(n % 10 == 9)) for n in range(20)]
    made_of = [Prediction(one.id, "", "", 0, (float(np.log(0.9)), float(np.log(0.1)))) for one in tests]
    assert fitted_temperature(made_of, tests) > 1.01
    metric = made("evaluation", "calibration", temperature="fitted")
    context = answered(examples=tests, predictions=made_of, dev=tests, answer=lambda load, asked: made_of)
    scores = {one.name: one for one in metric.measure(context).scores}
    assert scores["temperature"].value == 1.0
    assert scores["calibration_error/fitted"] == replace(scores["calibration_error"], name="calibration_error/fitted")
    error = scores["calibration_error"]
    assert error.low <= error.value <= error.high


@pytest.mark.parametrize(("count", "stays"), [(30, True), (600, False)])
def test_few_dev_texts_do_not_contradict_a_temperature_of_one(count: int, stays: bool) -> None:
    """Right eight times of ten, and sure of nine; whether that is chance is asked of scipy."""
    tests = [Example(str(n), "", ("a", "b"), int(n % 10 >= 8)) for n in range(count)]
    made_of = [Prediction(one.id, "", "", 0, (float(np.log(0.9)), float(np.log(0.1)))) for one in tests]
    best = [Prediction(one.id, "", "", 0, (float(np.log(0.8)), float(np.log(0.2)))) for one in tests]

    def nll(said: list[Prediction]) -> float:
        rows = zip(said, tests, strict=True)
        return -sum((one.choice_log_probs or ())[place(test.answer or 0)] for one, test in rows)

    assert bool(chi2.sf(2 * (nll(made_of) - nll(best)), df=1) > 0.05) is stays
    context = answered(examples=tests, predictions=made_of, dev=tests, answer=lambda load, asked: made_of)
    found = made("evaluation", "calibration", temperature="fitted").measure(context)
    temperature = {one.name: one.value for one in found.scores}["temperature"]
    assert (temperature == 1.0) is stays


def test_many_classes_of_few_texts_are_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    texts = [f"word{n} of {n % 3}" for n in range(300)]
    assert bag_of_words_answers(texts, list(range(300)), ["word7 of 1"]) == [7]
    assert [str(one.message) for one in recwarn] == []
