"""Precision, recall and F1 of the fields of JSON answers, against scikit-learn's multi-label scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from distillrun.errors import ConfigError
from distillrun.evaluation.extraction import counts_of, field_scores
from distillrun.records import Example, FreeAnswer
from tests.end_to_end.runs import experiment, run_small

FIELDS = ("name", "city", "age")


def example(number: int, *accepted: object) -> Example:
    first, *others = (json.dumps(one) for one in accepted)
    return Example(str(number), "?", (), FreeAnswer(first, first, 1.0, True, tuple(others)))


def test_the_scores_are_those_of_scikit_learn() -> None:
    """Each field has one value, right or left out, so that a document is a row of flags."""
    drawn = np.random.default_rng(0)
    wanted, given = drawn.random((30, 3)) < 0.7, drawn.random((30, 3)) < 0.6
    counts = []
    for number in range(30):
        reference, own = (
            {field: number for field, there in zip(FIELDS, flags[number], strict=True) if there}
            for flags in (wanted, given)
        )
        counts.append(counts_of(example(number, reference), own))
    scores = {score.name.split("/")[1]: score for score in field_scores(counts)}
    assert scores["precision"].value == pytest.approx(precision_score(wanted, given, average="micro"))
    assert scores["recall"].value == pytest.approx(recall_score(wanted, given, average="micro"))
    assert scores["micro_f1"].value == pytest.approx(f1_score(wanted, given, average="micro"))
    assert scores["macro_f1"].value == pytest.approx(f1_score(wanted, given, average="macro"))
    assert all(score.low <= score.value <= score.high and score.n == 30 for score in scores.values())


def test_values_are_compared_at_their_places_and_the_nearest_reference_counts() -> None:
    one = counts_of(example(0, {"a": [1, 2, 2], "b": {"c": "X y"}}), {"a": [2, 3], "b": {"c": "x  Y"}, "d": 1})
    assert (one.right, one.given, one.wanted) == (
        {"a[]": 1, "b.c": 1},
        {"a[]": 2, "b.c": 1, "d": 1},
        {"a[]": 3, "b.c": 1},
    )
    two = counts_of(example(1, {"a": 1}, {"a": 2}), {"a": 2})
    assert two.right == {"a": 1}
    none = counts_of(example(2, {"a": 1}), None)
    assert (none.right, none.given, none.wanted) == ({}, {}, {"a": 1})


def test_a_run_shows_every_field_and_how_many_answers_are_valid(tmp_path: Path) -> None:
    rows = [{"question": f"Ann is {n}.", "answer": {"name": "Ann", "age": n}} for n in range(20)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = (
        *("task=free_form", f"task.folder={tmp_path}", "task.files.test=null", "task.test_share=0.3"),
        *("objective=label_only", "student=tiny_t5", "evaluation=[generated_answer,extraction]"),
    )
    result: Any = run_small(tmp_path / "run", *words, "scorer@task.scorer=json_fields", page=True)
    scores = {name: score["value"] for name, score in result["scores"].items()}
    assert scores["test/extraction/valid"] <= 1 - scores["test/unparsed"]
    assert {f"test/extraction/{kind}" for kind in ("precision", "recall", "micro_f1", "macro_f1")} <= set(scores)
    assert "Fields, worst first" in (tmp_path / "run/report.html").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=r"evaluation.extraction looks at the fields of JSON answers"):
        experiment(tmp_path / "s", *words, "scorer@task.scorer=token_f1")
