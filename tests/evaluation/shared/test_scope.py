"""Scores of how far a text is in scope, and thresholds, held against what others compute."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from sklearn.metrics import accuracy_score, roc_auc_score, roc_curve

from distillrun.evaluation.out_of_scope import auroc, fpr_at
from distillrun.evaluation.shared.scope import ScopeScore, kept_threshold, labelled_threshold, scope_scores
from distillrun.records import Example
from tests.leaves import made

DRAWS = np.random.default_rng(0)
INSIDE, OUTSIDE = DRAWS.normal(1.5, 1, 400).round(1), DRAWS.normal(0, 1, 150).round(1)
VALUES, IS_INSIDE = np.concatenate([INSIDE, OUTSIDE]), np.arange(550) < 400


@pytest.mark.parametrize("kind", ["energy", "max_probability"])
def test_scores_are_those_of_scipy(kind: ScopeScore) -> None:
    student = made("student", "tiny_text_classifier").for_labels(("a", "b", "c")).build(0)
    rows = [
        Example(str(n), text, ("a", "b", "c"), None) for n, text in enumerate(("one", "two words", "three of them"))
    ]
    task, objective = made("task", "classification", folder="unused"), made("objective", "label_only")
    found = scope_scores(kind, student, objective, task, rows, 64)
    asked = [objective.query(row, task).answer for row in rows]
    student.module.eval()
    with torch.no_grad():
        logits = student.choose(asked, [[()] * 3] * 3).double().numpy()
    expected = logsumexp(logits, axis=1) if kind == "energy" else softmax(logits, axis=1).max(axis=1)
    assert found == pytest.approx(expected.tolist(), rel=1e-5)


def test_ranking_is_that_of_scikit_learn() -> None:
    assert auroc(IS_INSIDE, VALUES) == roc_auc_score(IS_INSIDE, VALUES)
    wrongly, rightly, _ = roc_curve(IS_INSIDE, VALUES, drop_intermediate=False)
    assert fpr_at(0.95, IS_INSIDE, VALUES) == pytest.approx(wrongly[np.argmax(rightly >= 0.95)])
    assert np.isnan(auroc(IS_INSIDE[:400], VALUES[:400]))
    assert np.isnan(fpr_at(0.95, ~IS_INSIDE[:400], VALUES[:400]))


@pytest.mark.parametrize("kept", [0.5, 0.95, 1.0])
def test_a_share_is_kept_and_no_greater_threshold_keeps_it(kept: float) -> None:
    threshold = kept_threshold(INSIDE.tolist(), kept)
    assert (threshold <= INSIDE).mean() >= kept
    assert (threshold < INSIDE).mean() < kept


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_answers_more_of_the_labelled_texts_right(seed: int) -> None:
    draws = np.random.default_rng(seed)
    inside, outside = draws.normal(1, 1, 40).round(1), draws.normal(0, 1, 20).round(1)
    right = draws.random(40) > 0.1

    def hits(threshold: float) -> float:
        said = [*np.where(inside < threshold, -1, np.where(right, 1, 2)), *np.where(outside < threshold, -1, 2)]
        return float(accuracy_score([1] * 40 + [-1] * 20, said))

    found = labelled_threshold(inside.tolist(), right.tolist(), outside.tolist())
    assert hits(found) == max(map(hits, [*inside + 0.01, *outside + 0.01, -9.0, 9.0]))


def test_where_nothing_can_be_gained_all_is_kept() -> None:
    assert labelled_threshold([2.0, 3.0], [True, True], [5.0]) == 2.0
