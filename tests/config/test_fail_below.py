"""A score below its bar ends a command with exit code 1 and one line, and changes nothing else."""

import json
from pathlib import Path

import pytest

from distillrun.cli import main
from distillrun.config.compose import config_of
from distillrun.config.fail_below import shortfalls
from distillrun.config.settings import digest
from distillrun.errors import ConfigError
from distillrun.sweep import finishing
from distillrun.sweep.job import Job, write_job
from tests.end_to_end.runs import SMALL

BAR = "evaluation.fail_below={test/accuracy: 0.9}"


@pytest.mark.parametrize(("value", "lines"), [(0.9, 0), (0.8999, 1), (1.0, 0)])
def test_a_bar_is_reached_from_its_value_on(value: float, lines: int) -> None:
    assert len(shortfalls({"test/accuracy": 0.9}, {"test/accuracy": value})) == lines


def test_a_score_that_is_not_there_falls_short_with_the_nearest_name() -> None:
    (line,) = shortfalls({"test/acuracy": 0.5}, {"test/accuracy": 1.0})
    assert "names test/acuracy, which is not a score of this run (did you mean 'test/accuracy'?)" in line


def test_bars_change_neither_the_digest_nor_the_chosen_evaluators() -> None:
    with_bar, without = config_of([BAR]), config_of([])
    assert digest(with_bar) == digest(without)
    assert with_bar.selected["evaluation"] == without.selected["evaluation"] == ["generated_answer"]
    assert with_bar.fail_below == {"test/accuracy": 0.9}


@pytest.mark.parametrize("given", ["0.9", "{test/accuracy: high}", "[test/accuracy]", "{test/accuracy: true}"])
def test_what_is_no_bar_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(ConfigError, match=r"write 'evaluation\.fail_below=\{test/accuracy: 0\.9\}'"):
        config_of([f"evaluation.fail_below={given}"])


def test_a_run_below_its_bar_ends_with_1_and_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = [*SMALL, "training.max_steps=1", "training.eval_every=0", f"paths.store={tmp_path / 'store'}"]
    words = [*store, "objective=label_only", "task.limit=8"]
    assert main([*words, f"paths.run={tmp_path / 'bad'}", BAR]) == 1
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("distillrun: ")]
    assert len(told) == 1
    assert told[0].endswith("below evaluation.fail_below=0.9")
    assert json.loads((tmp_path / "bad" / "result.json").read_text())["status"] == "done"
    assert main([*words, f"paths.run={tmp_path / 'good'}", "evaluation.fail_below={test/accuracy: 0}"]) == 0


@pytest.mark.parametrize(("value", "code"), [(0.95, 0), (0.5, 1)])
def test_a_sweep_tells_which_jobs_fall_short(
    value: float, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, score in enumerate((0.95, value)):
        folder = tmp_path / f"{number:03d}_x"
        folder.mkdir()
        write_job(Job(number, str(folder), (f"training.seed={number}",), "done", 0, 1.0))
        scores = {"test/accuracy": {"value": score, "n": 9, "low": 0.0, "high": 1.0, "unit": "share"}}
        (folder / "result.json").write_text(json.dumps({"scores": scores, "status": "done"}))
    assert finishing.finish(tmp_path, config_of(["tracking=jsonl", BAR]), complete=True) == code
    lines = [line for line in capsys.readouterr().out.splitlines() if "fail_below" in line]
    assert lines == ([] if code == 0 else ["[1] test/accuracy is 0.5000, below evaluation.fail_below=0.9"])
