"""What is shown of a sweep that runs, and what becomes of one that is interrupted."""

import io
import json
import subprocess
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from distillrun.config.compose import config_of
from distillrun.files.folder import COMMAND
from distillrun.sweep import finishing
from distillrun.sweep.job import Job, own_process, read_job, say, write_job
from distillrun.sweep.live import _drawn, lines, live_view


def write(sweep: Path, number: int, state: str, process: str = "", why: str = "") -> Path:
    folder = sweep / f"{number:03d}_x"
    folder.mkdir(parents=True)
    job = Job(number, str(folder), ("task=everyday", f"training.seed={number}"), state, 0, 1.0, why, process=process)
    write_job(job)
    return folder


def test_each_job_is_shown_with_stage_time_left_and_dev_accuracy(tmp_path: Path) -> None:
    write(tmp_path, 0, "done")
    write(tmp_path, 1, "failed", why="out of memory")
    running = write(tmp_path, 2, "running")
    write(tmp_path, 3, "running")
    log = ["2026-01-01 INFO load/train: making", "2026-01-01 INFO train: making (student is 1, not 2)"]
    (running / "run.log").write_text("\n".join(log) + "\n", encoding="utf-8")
    (running / "config.yaml").write_text("training:\n  max_steps: 100\n", encoding="utf-8")
    metrics = [{"step": 10, "time": 50.0}, {"step": 40, "time": 110.0, "dev/accuracy": 0.5}]  # 2 s a step
    (running / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics), encoding="utf-8")
    found = {line.job: line for line in lines(tmp_path)}
    assert list(found) == ["0", "1", "2", "3"]
    assert found["2"].settings == "training.seed=2"
    assert (found["2"].stage, found["2"].left, found["2"].dev) == ("train", "2 min 0 s", "50.0 %")
    assert (found["3"].stage, found["3"].left, found["3"].dev) == ("begins", "", "")
    assert (found["1"].state, found["1"].stage) == ("failed", "out of memory")


def test_the_table_says_how_many_have_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distillrun.sweep.live._height", lambda: 40)
    for number, state in enumerate(("done", "killed", "running")):
        write(tmp_path, number, state)
    printed = io.StringIO()
    Console(file=printed, width=100).print(_drawn(tmp_path, 8))
    text = printed.getvalue()
    assert "2 of 8 jobs ended" in text
    assert "training.seed=2" in text
    assert "killed" in text


def test_where_there_is_no_terminal_lines_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with live_view(tmp_path, 2, wanted=True):
        say("[0] done")
    assert capsys.readouterr().out == "[0] done\n"


def test_after_an_interruption_jobs_are_told_waited_for_and_noted(tmp_path: Path) -> None:
    (tmp_path / COMMAND).write_text("[]")
    child = subprocess.Popen(["sleep", "600"])
    folder = write(tmp_path, 0, "running", own_process(child.pid))
    elsewhere = write(tmp_path, 1, "running", "another-host/17")
    started = time.monotonic()
    threading.Thread(target=child.wait, daemon=True).start()  # as an init would
    assert finishing.finish(tmp_path, config_of(["tracking=jsonl"]), complete=False) == 1
    assert time.monotonic() - started < 300  # the child would sleep for 600
    assert child.poll() == -15
    here, there = read_job(folder), read_job(elsewhere)
    assert here is not None
    assert there is not None
    assert (here.state, here.exit_code) == ("interrupted", 130)
    assert there.state == "running"  # nobody here can tell
