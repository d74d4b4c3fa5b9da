"""Scores of sets of labels, held against scikit-learn."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.multiclass import OneVsRestClassifier

from distillrun.evaluation.multi_label import set_scores
from distillrun.evaluation.shared.bag_of_words import bag_of_words_sets
from distillrun.evaluation.shared.label_set_scores import best_threshold, f1_of_rows, flags_of, label_macro_f1, micro_f1

DRAWS = np.random.default_rng(0)
RIGHT, SAID = DRAWS.random((80, 6)) < 0.25, DRAWS.random((80, 6)) < 0.3
RIGHT[:5], SAID[:3] = False, False  # texts without any label


def test_scores_of_sets_are_those_of_scikit_learn() -> None:
    assert micro_f1(RIGHT, SAID) == pytest.approx(f1_score(RIGHT, SAID, average="micro"))
    assert label_macro_f1(RIGHT, SAID) == pytest.approx(f1_score(RIGHT, SAID, average="macro"))
    assert f1_of_rows(RIGHT, SAID).mean() == pytest.approx(f1_score(RIGHT, SAID, average="samples", zero_division=1.0))
    found = {one.name: one for one in set_scores(RIGHT, SAID, "x/")}
    assert found["x/subset_accuracy"].value == pytest.approx(accuracy_score(RIGHT, SAID))
    assert set(found) == {"x/micro_f1", "x/macro_f1", "x/sample_f1", "x/subset_accuracy"}
    assert all(one.low <= one.value <= one.high for one in found.values())


def test_labels_that_nobody_has_or_says_do_not_count() -> None:
    wide = [np.hstack([one, np.zeros((80, 2), dtype=bool)]) for one in (RIGHT, SAID)]
    assert label_macro_f1(*wide) == label_macro_f1(RIGHT, SAID)
    assert flags_of([(0, 2), ()], 3).tolist() == [[True, False, True], [False, False, False]]


@pytest.mark.parametrize("seed", range(8))
def test_no_other_threshold_has_a_greater_f1_on_dev(seed: int) -> None:
    draws = np.random.default_rng(seed)
    right = draws.random(40) < 0.3
    scores = np.clip(draws.normal(np.where(right, 0.6, 0.4), 0.2), 0, 1).round(1)  # with ties
    found = best_threshold(scores, right)
    best = max(f1_score(right, scores >= one, zero_division=0.0) for one in np.linspace(0, 1, 201))
    assert f1_score(right, scores >= found) == pytest.approx(best)
    assert found not in scores or found in (0.0, 1.0)


def test_a_label_that_no_dev_text_has_keeps_the_usual_threshold() -> None:
    assert best_threshold(np.array([0.9, 0.8]), np.array([False, False])) == 0.5
    assert best_threshold(np.array([0.9, 0.1]), np.array([True, False])) == 0.5


def test_the_baseline_is_one_against_the_rest() -> None:
    words = ("card", "rate", "fee", "lost")
    labels = DRAWS.random((60, 4)) < 0.4
    texts = ["please " + " ".join(w for w, on in zip(words, row, strict=True) if on) + " now" for row in labels]
    found = bag_of_words_sets(texts[:40], labels[:40], texts[40:])
    counter = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2))
    rest = OneVsRestClassifier(LogisticRegression(C=10.0, max_iter=300, tol=1e-3))
    expected = rest.fit(counter.fit_transform(texts[:40]), labels[:40]).predict(counter.transform(texts[40:]))
    assert found.tolist() == expected.astype(bool).tolist()
    whole = bag_of_words_sets(
        texts[:40], np.hstack([labels[:40], np.ones((40, 1)), np.zeros((40, 1))]).astype(bool), ["x"]
    )
    assert whole[0, 4:].tolist() == [True, False]
