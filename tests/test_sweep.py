"""Sweeps: every job in a process of its own, and a table of what became of them."""

import json
import sys
from pathlib import Path

import pytest

from distillrun.cli import main
from distillrun.composition import quoted

CHILD = """#!/bin/sh
# stands in for `python -m distillrun` in a sweep: does what training.seed says
for word in "$@"; do
  case "$word" in
    paths.run=*) folder="$(printf '%s' "$word" | sed "s/^paths.run='//; s/'$//; s/\\\\\\\\'/'/g")" ;;
    training.seed=*) seed="${word#training.seed=}" ;;
  esac
done
printf '%s\\n' "$@" > "$folder/arguments"
case "$seed" in
  9) kill -9 $$ ;;
  13) exit 1 ;;
esac
echo "{\\"scores\\": {\\"test/accuracy\\": {\\"value\\": 0.$seed}}}" > "$folder/result.json"
"""


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "it's here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "child"
    stub.write_text(CHILD)
    stub.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stub))


@pytest.mark.usefixtures("children")
def test_a_job_that_fails_or_is_killed_fails_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "name=grid", "objective=label_only,multitask", "training.seed=1,13,9"]) == 1
    (folder,) = Path("runs").iterdir()
    assert "_grid_sweep" in folder.name
    jobs = json.loads((folder / "sweep.json").read_text())["jobs"]
    assert [job["state"] for job in jobs] == ["done", "failed", "killed"] * 2
    assert [job["test/accuracy"] for job in jobs] == [0.1, None, None] * 2
    assert [job["exit_code"] for job in jobs] == [0, 1, -9] * 2
    assert jobs[0]["label"] == "objective=label_only training.seed=1"
    assert len({job["folder"] for job in jobs}) == 6
    told = capfd.readouterr().out
    assert f"[2] killed with exit code -9 after {jobs[2]['seconds']} s: {jobs[2]['folder']}" in told
    assert "job  state" in told


@pytest.mark.usefixtures("children")
def test_a_sweep_without_failures_ends_well_in_the_folder_that_it_was_given() -> None:
    assert main(["-m", "training.seed=1,2", "hydra.sweep.dir='a sweep'"]) == 0
    assert sorted(path.name[:3] for path in Path("a sweep").glob("0*")) == ["000", "001"]


@pytest.mark.usefixtures("children")
def test_a_job_is_started_with_what_finds_its_config() -> None:
    Path("experiment").mkdir()
    Path("experiment/mine.yaml").write_text("# @package _global_\nhydra:\n  mode: MULTIRUN\nname: mine\n")
    assert main(["--config-dir", ".", "experiment=mine", "training.seed=4", "paths.store='a, b'"]) == 0
    (arguments,) = Path("runs").glob("*_mine_sweep/000_*/arguments")
    lines = arguments.read_text().splitlines()
    assert lines[:2] == ["-m", "distillrun"]
    assert lines[lines.index("--config-dir") + 1] == str(Path.cwd())
    assert {"hydra.mode=RUN", "experiment=mine", "training.seed=4", "paths.store='a, b'"} <= set(lines)
    assert f"paths.run={quoted(arguments.parent.resolve())}" in lines


@pytest.mark.usefixtures("children")
def test_a_job_with_a_wrong_value_fails_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "training.seed=1", "training.learning_rate=1e-3,-1,1e-4"]) == 1
    (file,) = Path("runs").glob("*/sweep.json")
    assert [job["state"] for job in json.loads(file.read_text())["jobs"]] == ["done", "failed", "done"]
    assert "training.learning_rate=-1.0 must be above 0" in capfd.readouterr().out


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["objective=label_only,multitsk"], "there is no objective=multitsk"),
        (["training.sed=1,2"], "there is no training.sed (did you mean training.seed?)"),
        (["training.seed=1,2", "paths.run=x"], "paths.run is the folder of one run"),
    ],
)
def test_a_wrong_sweep_starts_no_job(line: list[str], expected: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", *line]) == 2
    told = capfd.readouterr()
    assert told.err.startswith(f"distillrun: {expected}")
    assert told.out == ""
    assert not list(Path("runs").glob("*"))


@pytest.mark.usefixtures("children")
def test_flags_may_stand_anywhere_on_the_line() -> None:
    assert main(["training.seed=1,2", "-m", "name=grid"]) == 0
    assert len(list(Path("runs").glob("*_grid_sweep/0*/result.json"))) == 2
