"""Our scoring rules against lm-evaluation-harness's, on the students that a run saved."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(("student", "objective"), [("tiny_qwen", "counterfactual"), ("tiny_t5", "multitask")])
def test_the_harness_gives_the_same_answers_and_likelihoods(tmp_path: Path, student: str, objective: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WANDB_MODE": "disabled"}
    settings = [f"student={student}", f"objective={objective}", "training.max_steps=40", "task.limit=100"]
    paths = [f"paths.run={tmp_path / 'run'}", f"paths.store={tmp_path / 'store'}", "runtime.threads=1"]
    run = [sys.executable, "-m", "distillrun", *settings, *paths]
    subprocess.run(run, env=environment, check=True, capture_output=True, timeout=300)
    check = [sys.executable, str(ROOT / "scripts" / "lm_eval_check"), str(tmp_path / "run")]
    done = subprocess.run(check, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["generated_answer", "choice_likelihood", "letter_likelihood"]
    assert all("agrees: 100 of 100" in line for line in lines)
