"""Students that are scored as they are: training=none."""

from pathlib import Path
from typing import Any

import pytest

import distillrun as dr
from distillrun.errors import ConfigError
from distillrun.planning.making import make_plan
from tests.end_to_end.runs import experiment, run_small

RULES = "evaluation=[generated_answer,choice_likelihood]"
NONE = ("training=none", "task.limit=12", RULES)


def small(*words: str) -> tuple[str, ...]:
    """Return words that undo what the small runs say of training."""
    return (*words, "training.max_steps=0", "training.warmup_steps=0")


def test_it_scores_what_the_untrained_baseline_does_and_asks_nothing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    words = small(*NONE)
    planned = {one.name: one.state for one in make_plan(experiment(store, *words)).stages}
    assert list(planned)[:4] == ["load/train", "load/dev", "load/test", "train"]
    assert not any(name.startswith("generate") for name in planned)
    result: Any = run_small(tmp_path / "none", *words, store=store, page=True)
    assert result["teacher"]["requests"] == 0
    assert result["training"]["steps"] == 0
    page = (tmp_path / "none" / "report.md").read_text(encoding="utf-8")
    assert "training steps | 0" in page
    assert "learning rate" not in page
    trained: Any = run_small(
        tmp_path / "trained",
        *("task.limit=12", RULES, "objective=label_only", "evaluation.baselines=true", "teacher.mistaken_share=0"),
        store=store,
    )
    untrained = trained["baselines"]["untrained"]
    own = {name: score for name, score in result["scores"].items() if name in untrained}
    assert len(own) > 5
    assert own == untrained


def test_its_folder_answers_questions_and_is_found_again(tmp_path: Path) -> None:
    words = small(*NONE, "objective=label_only")
    run_small(tmp_path / "one", *words, store=tmp_path / "store")
    run = dr.load_run(tmp_path / "one")
    assert run.student.predict("Where is a kettle?", ["kitchen", "road"]).text is not None
    again: Any = run_small(tmp_path / "two", *words, store=tmp_path / "store")
    assert all(stage["cached"] for stage in again["stages"].values())


def test_what_trains_is_asked_for_nothing_and_baselines_are_the_teacher_alone(tmp_path: Path) -> None:
    """Forward KL needs a white-box teacher to train by, and gives a prompt without one."""
    result: Any = run_small(tmp_path / "one", *small(*NONE, "objective=forward_kl", "evaluation.baselines=true"))
    assert set(result["baselines"]) == {"teacher"}
    with pytest.raises(ConfigError, match=r"training\.warm_start_steps=5 would come before it; set it to 0"):
        experiment(tmp_path / "store", *small(*NONE, "training.warm_start_steps=5"))


def test_a_training_is_still_named_where_steps_are_below_zero(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.max_steps=-1 must be 0 or more"):
        experiment(tmp_path / "store", "training.max_steps=-1")
