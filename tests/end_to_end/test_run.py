"""A run as its user sees it: same numbers twice, nothing made twice, nothing lost, the test questions out of reach."""

import json
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from distillrun.errors import ConfigError
from distillrun.pipeline.predict import load_student
from distillrun.records import Example
from tests.command_line import Launcher, Running
from tests.end_to_end.runs import SMALL, experiment, ran, run_small, student_bytes
from tests.end_to_end.taught import words_for, write_teacher
from tests.leaves import options

STUDENTS = ("tiny_t5", "tiny_qwen")
OF_LABEL_SETS = ("label_shares",)
"""Objectives that learn from texts with several labels each; tests/end_to_end/test_multi_label.py runs them."""


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_teacher(tmp_path_factory.mktemp("teacher") / "run")


def stages(result: dict[str, Any]) -> dict[str, bool]:
    """Return whether each stage was found in the store."""
    return {name: stage["cached"] for name, stage in result["stages"].items()}


@pytest.mark.parametrize("student", STUDENTS)
def test_two_runs_with_one_seed_give_the_same_bytes(student: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run_small(tmp_path / name, f"student={student}", f"student.dropout={0.1 if student == 'tiny_t5' else 0.0}")
    assert student_bytes(tmp_path / "one") == student_bytes(tmp_path / "two")
    predictions = [(tmp_path / name / "predictions.jsonl").read_bytes() for name in ("one", "two")]
    assert predictions[0] == predictions[1]
    run_small(tmp_path / "other", f"student={student}", "training.seed=1")
    assert student_bytes(tmp_path / "other") != student_bytes(tmp_path / "one")


WITH_PAGE = ("label_only", "multitask", "choice_distillation", "forward_kl", "on_policy", "preference", "sum")
"""One of each kind; a page is drawn from scores and metrics, whatever the objective is."""


@pytest.fixture(scope="module")
def asked_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store for runs of several objectives, of which the first asks the teacher for all."""
    return tmp_path_factory.mktemp("asked_before") / "store"


@pytest.mark.parametrize("objective", [one for one in options("objective") if one not in OF_LABEL_SETS])
def test_every_objective_runs_and_scores_by_every_rule(
    objective: str, teacher: Path, asked_before: Path, tmp_path: Path
) -> None:
    words = [*words_for(objective, teacher), "evaluation=[generated_answer,choice_likelihood]"]
    small = ["task.limit=8", "training.max_steps=3", "training.examples_per_step=2"]
    page = objective in WITH_PAGE
    result: Any = run_small(tmp_path / "run", *words, *small, store=asked_before, page=page)
    assert result["status"] == "done"
    assert set(result["scores"]) >= {
        "dev/accuracy",
        "test/accuracy",
        "test/unparsed",
        "test/likelihood_sum/accuracy",
        "test/likelihood_mean/accuracy",
        "test/likelihood_sum/ties",
    }
    for score in result["scores"].values():
        assert score["low"] <= score["value"] <= score["high"]
        assert score["n"] > 0
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    assert stored == json.loads(json.dumps(result))
    pages = ("report.html", "report.md") if page else ()
    for file in ("config.yaml", "metrics.jsonl", "predictions.jsonl", "run.log", *pages):
        assert (tmp_path / "run" / file).stat().st_size > 0


def test_a_second_run_of_the_same_command_makes_nothing_again(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert not any(stages(run_small(tmp_path / "one", store=store)).values())
    second: Any = run_small(tmp_path / "two", store=store)
    assert all(stages(second).values())
    assert second["teacher"]["requests"] > 0
    assert second["teacher"]["asked_now"]["requests"] == 0
    lines = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("one", "two")]
    metrics = [[{k: v for k, v in json.loads(line).items() if k != "time"} for line in rows] for rows in lines]
    assert metrics[0] == metrics[1] != []


def test_only_what_a_setting_touches_is_made_again(tmp_path: Path) -> None:
    store = tmp_path / "store"
    run_small(tmp_path / "one", store=store)
    again = stages(run_small(tmp_path / "rate", "training.learning_rate=0.001", store=store))
    assert [name for name, cached in again.items() if not cached] == ["train", "evaluate/generated_answer"]
    again = stages(run_small(tmp_path / "tokens", "evaluation.generated_answer.answer_tokens=5", store=store))
    assert [name for name, cached in again.items() if not cached] == ["evaluate/generated_answer"]
    again = stages(run_small(tmp_path / "until", "until=generate", store=store))
    made_now = [name for name, cached in again.items() if not cached]
    assert made_now == ["generate/critique", "generate/revision", "generate/counterfactual"]
    again = stages(run_small(tmp_path / "objective", "objective=multitask_counterfactual", store=store))
    assert [name for name, cached in again.items() if not cached] == ["train", "evaluate/generated_answer"]


def test_what_trains_cannot_reach_the_test_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Poison everything that could lead training to the test split; it must not notice."""
    checked = experiment(tmp_path / "store", "until=train")
    kind = type(checked.parts.task)

    def poisoned(self: object, split: str) -> Sequence[Example]:
        raise AssertionError(f"training asked for {split}")

    monkeypatch.setattr(kind, "examples", poisoned)
    ran(checked, tmp_path / "clean")
    worse = [replace(example, question="poison", answer=0) for example in checked.examples["test"]]
    other = replace(checked, examples={**checked.examples, "test": worse})
    other.config.paths.store = str(tmp_path / "other store")
    ran(other, tmp_path / "poisoned")
    assert student_bytes(tmp_path / "clean") == student_bytes(tmp_path / "poisoned")


@pytest.mark.parametrize(("student", "kind"), [("tiny_t5", AutoModelForSeq2SeqLM), ("tiny_qwen", AutoModelForCausalLM)])
def test_the_saved_student_loads_with_transformers_and_answers_again(student: str, kind: Any, tmp_path: Path) -> None:
    run_small(tmp_path / "run", f"student={student}", "objective=label_only")
    assert kind.from_pretrained(tmp_path / "run" / "student").num_parameters() > 0
    card = (tmp_path / "run" / "student" / "README.md").read_text()
    assert "library_name: transformers" in card
    assert "[answer] The answer is {answer}" in card
    rows = [json.loads(line) for line in (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()]
    for row in rows[:3]:
        again = load_student(tmp_path / "run").predict(
            row["question"], row["choices"], answer_tokens=4, explanation_tokens=4
        )
        assert again.text == row["text"]
        assert again.choice == row["choice"]


def test_training_stops_early_where_dev_gains_nothing(tmp_path: Path) -> None:
    """No student of two steps answers anything, so that every check after the first is stale."""
    overrides = ["training.eval_every=1", "training.patience=2", "training.keep=best", "training.max_steps=9"]
    result: Any = run_small(tmp_path / "run", *overrides, "training.learning_rate=1e-9")
    assert result["scores"]["dev/accuracy"]["value"] == 0
    assert (result["training"]["steps"], result["training"]["best_step"]) == (3, 1)


def test_a_run_that_fails_says_so_in_its_folder(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match=r"lower training\.learning_rate"):
        run_small(tmp_path / "run", "training.learning_rate=1e30", "training.max_gradient_norm=null", page=True)
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["status"] == "failed"
    assert "diverged" in result["error"]
    assert "Traceback" in (tmp_path / "run" / "run.log").read_text()
    assert "failed" in (tmp_path / "run" / "report.html").read_text()


KILLED = (
    *(override for override in SMALL if "max_steps" not in override),
    "training.max_steps=60",
    "training.save_every=5",
    "training.eval_every=15",
    "training.keep=best",
    "training.dev_examples=8",
    "student=tiny_t5",
    "student.dropout=0.1",
    "student.layers=1",
    "student.width=32",
    "student.feed_forward_width=32",
)


def started(store: Path, folder: Path, command_lines: Launcher) -> Running:
    return command_lines.start((*KILLED, f"paths.store={store}", f"paths.run={folder}"), store.parent)


def wait_for_checkpoint(store: Path, run: Running, past_step: int) -> None:
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline and run.code() is None:
        if any(
            int(path.name.removeprefix("checkpoint-")) >= past_step
            for path in store.glob("train/*.partial/scratch/checkpoint-*")
            if path.suffix != ".part"  # still being written
        ):
            return
        time.sleep(0.01)
    raise AssertionError(f"no checkpoint after step {past_step}; exit code {run.code()}: {run.said}")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, command_lines: Launcher) -> Path:
    """The folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert started(folder / "store", folder / "run", command_lines).end(900).code == 0
    return folder / "run"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_training_goes_on_as_if_nothing_had_been(
    number: signal.Signals, uninterrupted: Path, tmp_path: Path, command_lines: Launcher
) -> None:
    store = tmp_path / "store"
    run = started(store, tmp_path / "killed", command_lines)
    wait_for_checkpoint(store, run, past_step=20)
    run.send(number)
    assert run.end(900).code == (-9 if number == signal.SIGKILL else 130)
    if number != signal.SIGKILL:
        assert json.loads((tmp_path / "killed" / "result.json").read_text())["status"] == "interrupted"
    assert started(store, tmp_path / "resumed", command_lines).end(900).code == 0
    assert "resumed after step" in (tmp_path / "resumed" / "run.log").read_text()
    assert student_bytes(tmp_path / "resumed") == student_bytes(uninterrupted)
    both = [(folder / "predictions.jsonl").read_bytes() for folder in (uninterrupted, tmp_path / "resumed")]
    assert both[0] == both[1]
    assert not list(store.glob("train/*/scratch"))
    assert (tmp_path / "resumed" / "student").is_symlink()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["objective=counterfactual", "generation=few_shot_rationale"], "needs counterfactual rationales"),
        (["objective.rationale=revised", "generation=few_shot_rationale"], "needs revised rationales"),
        (["generation=revision", "objective.rationale=revised"], "generation step revision needs"),
        (["generation=recorded"], "choose teacher=recorded"),
        (["teacher=recorded"], "choose generation=recorded"),
        (["student=t5_base", "student.checkpoint=./nowhere/t5"], "student.checkpoint"),
        (["runtime.device=cuda:7"], "runtime.device=cuda:7"),
        (["task=commonsenseqa", "task.folder=/nowhere"], "task.folder"),
    ],
)
def test_what_cannot_work_is_said_before_any_work(overrides: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        experiment(tmp_path / "store", *overrides)
    assert not (tmp_path / "store").exists()
