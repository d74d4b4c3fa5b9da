"""Our scoring rules against lm-evaluation-harness's, on the students that a run saved."""

import runpy
import sys
from pathlib import Path

import pytest

from tests.end_to_end.runs import run_small

SCRIPT = Path(__file__).parents[2] / "scripts" / "lm_eval_check"


@pytest.mark.slow
@pytest.mark.parametrize(("student", "objective"), [("tiny_qwen", "counterfactual"), ("tiny_t5", "multitask")])
def test_the_harness_gives_the_same_answers_and_likelihoods(
    tmp_path: Path,
    student: str,
    objective: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = [f"student={student}", f"objective={objective}", "training.max_steps=40", "task.limit=24"]
    tokens = ["answer_tokens=32", "explanation_tokens=32"]
    run_small(
        tmp_path / "run",
        *settings,
        "training.examples_per_step=16",
        *(f"evaluation.generated_answer.{words}" for words in tokens),
    )
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(tmp_path / "run")])
    capsys.readouterr()
    code = runpy.run_path(str(SCRIPT))["main"]()
    told = capsys.readouterr()
    assert code == 0, told.err[-2000:]
    lines = told.out.splitlines()
    assert [line.split()[0] for line in lines] == ["generated_answer", "choice_likelihood", "letter_likelihood"]
    assert all("agrees: 24 of 24" in line for line in lines)
