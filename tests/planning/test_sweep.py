"""The plan of a sweep: what its jobs share is counted once."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.cli import main
from distillrun.commands.plan import plan
from distillrun.config.compose import config_of
from distillrun.config.sweep_jobs import Composer
from distillrun.errors import ConfigError

COMPOSER = Composer([], "config", None)
SMALL = ["task.limit=12", "training.max_steps=2", "student.width=16", "student.layers=1", "tracking=jsonl"]


def planned(capsys: pytest.CaptureFixture[str], store: Path, *settings: str, code: int = 0) -> dict[str, Any]:
    assert plan(["-m", "--json", *SMALL, f"paths.store={store}", *settings]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def to_do(job: dict[str, Any]) -> list[str]:
    return [
        stage["name"] for stage in job["stages"] if stage["state"] != "cached" and stage["name"] not in job["shared"]
    ]


def test_what_two_jobs_need_is_done_and_asked_by_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, tmp_path, "objective=label_only,multitask,rationale_answer", "training.seed=0,1")
    assert [to_do(job)[-2:] for job in found["jobs"]] == [["train", "evaluate/generated_answer"]] * 6
    assert [len(to_do(job)) for job in found["jobs"]] == [5, 2, 3, 2, 2, 2]
    assert found["jobs"][4]["shared"] == {
        "load/train": 0,
        "load/dev": 0,
        "load/test": 0,
        "generate/few_shot_rationale": 2,
    }
    assert found["total"]["most"]["requests"] == 12  # one for each question, not one for each job
    (teacher,) = found["teachers"]
    assert teacher["forecast"]["most"]["requests"] == 12


@pytest.mark.usefixtures("forked_jobs")
def test_after_the_sweep_nothing_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = ["objective=label_only,multitask", "runtime.progress=never"]
    before = planned(capsys, tmp_path / "store", *sweep)
    assert main(["-m", *SMALL, f"paths.store={tmp_path / 'store'}", *sweep]) == 0
    capsys.readouterr()
    after = planned(capsys, tmp_path / "store", *sweep)
    assert [to_do(job) for job in after["jobs"]] == [[], []]
    assert after["total"]["most"]["requests"] == 0
    assert [stage["fingerprint"] for stage in before["jobs"][1]["stages"]] == [
        stage["fingerprint"] for stage in after["jobs"][1]["stages"]
    ]
    assert all(job["seconds"] == [0, 0] for job in after["jobs"])


def test_measures_are_planned_as_they_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "objective=multitask",
        "evaluation=[generated_answer,explanation_text,judge,qualitative]",
        "evaluation.explanation_text.reference=initial",
        "evaluation.qualitative.ratings=judge",
        "runtime.progress=never",
    ]
    before = planned(capsys, tmp_path / "store", *words)
    (job,) = before["jobs"]
    assert [stage["name"] for stage in job["stages"]][-3:] == [
        "evaluate/explanation_text",
        "evaluate/judge",
        "evaluate/qualitative",
    ]
    assert "counted with 50 words" in job["stages"][-1]["unknown"]
    assert main([*SMALL, f"paths.store={tmp_path / 'store'}", *words]) == 0
    capsys.readouterr()
    (job,) = planned(capsys, tmp_path / "store", *words)["jobs"]
    assert {stage["state"] for stage in job["stages"]} == {"cached"}


def test_a_job_that_would_be_refused_is_named_and_the_others_are_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = planned(capsys, tmp_path, "training.max_steps=2,-1", "objective=label_only", code=2)
    assert found["jobs"][0]["refused"] == ""
    assert "training.max_steps=-1 must be 0 or more" in found["jobs"][1]["refused"]
    assert plan(["-m", *SMALL, f"paths.store={tmp_path}", "training.max_steps=2,-1", "objective=label_only"]) == 2
    text = capsys.readouterr().out
    assert "job 1 would be refused: training.max_steps=-1" in text
    assert "2 jobs" in text


def test_a_sweep_that_would_be_refused_has_no_plan(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mean the same"):
        plan(["-m", "training.seed=1,01", f"paths.store={tmp_path}"])
    with pytest.raises(ConfigError, match="which needs -m"):
        plan(["training.seed=1,2", f"paths.store={tmp_path}"])


@pytest.mark.parametrize(
    "job",
    [
        ["training.seed=7", "training.precision=bf16"],
        ["student.width=48", "objective.predict_weight=0.25", "paths.run=here"],
        ["evaluation.baselines=true", "training.seed=3"],
        ["generation.steps.critique.prompt.demos=1"],
        ["runtime.device=cpu", "task.limit=null", "objective=label_only"],
        ["experiment=white_box", "logit_teacher.checkpoint=here", "training.seed=2"],
    ],
)
def test_values_put_into_a_composed_config_give_hydras_own(job: list[str]) -> None:
    COMPOSER.config([line for line in job if line.startswith("experiment")])
    assert COMPOSER.config(job) == config_of(job)
