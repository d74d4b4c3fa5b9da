"""A run on questions that two splits share says so in its plan, its scores and its page."""

from pathlib import Path
from typing import Any

import pytest

from distillrun.planning.making import make_plan
from tests.end_to_end.runs import experiment, run_scored
from tests.task.test_multiple_choice import write


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    rows = [{"question": f"What is the colour of thing {n}?", "choices": ["x", "y"], "answer": "x"} for n in range(12)]
    near = {**rows[4], "question": "So what is the colour of thing 4?"}
    write(tmp_path, rows[:8], [rows[3], near, *rows[8:]])
    return [
        "task=multiple_choice",
        f"task.folder={tmp_path}",
        "task.dev_share=0.25",
        "objective=label_only",
        "training.max_steps=1",
        "student=tiny_t5",
    ]


def test_a_run_scores_untouched_questions_apart(tmp_path: Path, words: list[str]) -> None:
    result: Any = run_scored(tmp_path / "run", *words, store=tmp_path / "store", page=True)
    scores = {name: score["n"] for name, score in result["scores"].items() if name.startswith("test/")}
    accuracies = [name for name in scores if name.endswith("accuracy")]
    assert accuracies
    assert [(scores[name], scores[f"{name}/untouched"]) for name in accuracies] == [(6, 4)] * len(accuracies)
    test = result["data"]["questions"]["test"]
    assert [test["also in train"] + test["also in dev"], test["nearly in train"] + test["nearly in dev"]] == [1, 1]
    assert "nearly the same as one of" in next((tmp_path / "run").rglob("*.html")).read_text(encoding="utf-8")


def test_a_plan_says_what_splits_share(tmp_path: Path, words: list[str]) -> None:
    told = make_plan(experiment(tmp_path / "store", *words)).as_json()["overlap"]
    assert isinstance(told, list)
    assert [str(line).split(" questions ")[1][:20] for line in told] == ["are also in train", "are nearly the same "]
