"""The test is scored apart for each value of a column, and nothing is made again for it."""

import json
from pathlib import Path
from typing import Any

import pytest
from statsmodels.stats.proportion import proportion_confint

from distillrun.errors import ConfigError
from tests.end_to_end.runs import experiment, run_scored
from tests.task.test_multiple_choice import task, write

TOPICS = ("colour", "colour", "size", "size", "", "size")


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    rows = [
        {"question": f"Thing {n} of {len(TOPICS)}?", "choices": ["x", "y"], "answer": "xy"[n % 2], "topic": topic}
        for n, topic in enumerate(TOPICS)
    ]
    write(tmp_path, [{**row, "question": f"Train {n}?"} for n, row in enumerate(rows)], rows)
    made = ("task=multiple_choice", f"task.folder={tmp_path}", "task.dev_share=0.25", "task.limit=null")
    return [*made, "objective=label_only", "training.max_steps=1", "student=tiny_t5"]


def test_each_slice_has_its_own_accuracy_and_interval(tmp_path: Path, words: list[str]) -> None:
    store = tmp_path / "store"
    whole: Any = run_scored(tmp_path / "whole", *words, store=store)
    result: Any = run_scored(tmp_path / "run", *words, "task.slices=[topic]", store=store)
    assert all(stage["cached"] for stage in result["stages"].values())
    name = next(name for name in whole["scores"] if name.startswith("test/") and name.endswith("accuracy"))
    places: dict[str, list[int]] = {"colour": [0, 1], "size": [2, 3, 5], "(blank)": [4]}
    assert {one for one in result["scores"] if one.startswith(f"{name}/")} == {f"{name}/topic={one}" for one in places}
    assert result["scores"][name] == whole["scores"][name]
    rows = [json.loads(line) for line in (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()]
    right = {row["id"]: row["right"] for row in rows}
    for topic, own in places.items():
        score = result["scores"][f"{name}/topic={topic}"]
        hits = sum(right[f"test{place}"] for place in own)
        low, high = proportion_confint(hits, len(own), method="wilson")
        assert (score["n"], score["value"]) == (len(own), hits / len(own))
        assert (score["low"], score["high"]) == (pytest.approx(low), pytest.approx(high))


def test_a_column_that_is_not_there_is_named(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"no column 'topics' \(did you mean 'topic'\?\), see task\.slices"):
        experiment(tmp_path / "store", *words, "task.slices=[topics]")


def test_a_column_of_texts_is_no_slice(tmp_path: Path, words: list[str]) -> None:
    write(tmp_path, [{"choices": ["x", "y"], "answer": "x"}] * 4, [{"choices": ["x", "y"], "answer": "x"}] * 60)
    with pytest.raises(ConfigError, match=r"task\.slices names question, which has 60 values; up to 50"):
        experiment(tmp_path / "store", *words, "task.slices=[question]")


def test_a_test_that_is_cut_from_train_is_sliced_too(tmp_path: Path) -> None:
    rows = [{"choices": ["x", "y"], "answer": "xy"[n % 2], "topic": f"t{n % 3}"} for n in range(24)]
    write(tmp_path, rows, rows)
    found = task(tmp_path, files={"test": None}, test_share=0.5, dev_share=0.25, slices=["topic"])
    topics = {f"train{n}": (f"topic=t{n % 3}",) for n in range(24)}
    own = found.slices()
    assert {one.id: own[one.id] for one in found.examples("test")} == {
        one.id: topics[one.id] for one in found.examples("test")
    }
    assert len(found.examples("test")) == 12
