"""The gate: in-scope accuracy and out-of-scope recall as CLINC150's paper reports them."""

from collections.abc import Sequence
from typing import Any

import pytest

from distillrun.records import Example, MetricResult, Prediction, Split
from tests.answered import answered
from tests.leaves import made


class Scoped:
    """A task of two labels that knows texts of neither."""

    def __init__(self, apart: dict[Split, list[Example]]) -> None:
        self._task = made("task", "classification", folder="unused")
        self._apart = apart

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def out_of_scope(self, split: Split) -> list[Example]:
        return self._apart.get(split, [])


def row(name: str, answer: int | None = None) -> Example:
    return Example(name, name, ("a", "b"), answer)


def measured(monkeypatch: pytest.MonkeyPatch, apart: dict[Split, list[Example]], **changes: Any) -> MetricResult:
    """Return the finding on texts whose scores are the numbers that they consist of."""
    rows = [row("0.9", 0), row("0.8", 1), row("0.3", 0), row("0.7", 0)]
    said = [Prediction(one.id, "", "", choice) for one, choice in zip(rows, (0, 1, 0, 1), strict=True)]

    def scored(
        kind: str, model: Any, objective: Any, task: Any, examples: Sequence[Example], tokens: int
    ) -> list[float]:
        return [float(one.question) for one in examples]

    monkeypatch.setattr("distillrun.evaluation.out_of_scope.scope_scores", scored)
    context = answered(
        task=Scoped(apart),
        examples=rows,
        dev=rows,
        predictions=said,
        student=lambda: None,
        answer=lambda student, examples: said,
    )
    found: MetricResult = made("evaluation", "out_of_scope", **changes).measure(context)
    return found


def test_a_text_in_scope_is_right_where_it_is_kept_and_gets_its_label(monkeypatch: pytest.MonkeyPatch) -> None:
    apart: dict[Split, list[Example]] = {"dev": [row("0.5"), row("0.6")], "test": [row("0.1"), row("0.4"), row("0.95")]}
    found = measured(monkeypatch, apart)
    scores = {one.name: (one.value, one.n) for one in found.scores}
    assert scores["scope_threshold"][0] == pytest.approx(0.65)
    assert scores["in_scope_accuracy"] == (0.5, 4)  # 0.3 is taken out, and 0.7 gets another label
    assert scores["in_scope_kept"] == (0.75, 4)
    assert scores["out_of_scope_recall"] == pytest.approx((2 / 3, 3))
    assert scores["out_of_scope_auroc"][0] == pytest.approx((4 + 3 + 0) / 12)
    assert found.tables[0].rows == (("in scope", 4, 3, 1), ("out of scope", 3, 1, 2))


def test_without_texts_out_of_scope_a_share_is_kept_and_recall_is_not_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(monkeypatch, {}, kept=0.75)
    assert {one.name: one.value for one in found.scores} == {
        "scope_threshold": 0.7,
        "in_scope_accuracy": 0.5,
        "in_scope_kept": 0.75,
    }
    assert "how many are found is not known" in found.note


def test_a_threshold_of_labelled_texts_needs_some(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(monkeypatch, {}, threshold="labelled")
    assert not found.scores
    assert "set task.out_of_scope" in found.note
