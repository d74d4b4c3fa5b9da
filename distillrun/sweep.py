"""The jobs of a sweep: each runs in a child process of its own, so that one that is killed fails alone."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from distillrun.cells import aligned, cell_lines, cells
from distillrun.composition import quoted
from distillrun.config import Config, digest
from distillrun.records import Json

SAVE_S = 60.0
"""How long an interrupted job may take to save its state."""


@dataclass(frozen=True, slots=True)
class Job:
    """What became of one job. `state` is done, failed, budget spent, killed or interrupted."""

    number: int
    folder: str
    overrides: tuple[str, ...]
    state: str
    exit_code: int
    seconds: float


def job_folder(sweep: Path, number: int, config: Config) -> Path:
    """Return the run folder of a job: its number for people, its config's digest for identity."""
    return sweep / f"{number:03d}_{digest(config)[:8]}"


def run_job(number: int, folder: Path, overrides: Sequence[str], flags: Sequence[str]) -> Job:
    """Run one job in a child process, its output passed through, and write down what became of it.

    Args:
        number: the job's place in the sweep.
        folder: its run folder.
        overrides: the job's settings, as on the command line.
        flags: those that decide where configs are found.
    """
    folder.mkdir(parents=True, exist_ok=True)
    say(f"[{number}] {' '.join(overrides)}")
    command = [sys.executable, "-m", "distillrun", *flags, *overrides, f"paths.run={quoted(folder)}"]
    started = time.monotonic()
    exit_code = 130
    try:
        exit_code = _exit_code(command)
    finally:
        seconds = round(time.monotonic() - started, 1)
        job = record_job(Job(number, str(folder), tuple(overrides), _state(exit_code), exit_code, seconds))
    return job


def refuse_job(number: int, sweep: Path, overrides: Sequence[str], error: Exception) -> None:
    """Write down a job whose settings are wrong, so that it fails alone."""
    folder = sweep / f"{number:03d}_refused"
    folder.mkdir(parents=True, exist_ok=True)
    say(f"[{number}] {error}")
    record_job(Job(number, str(folder), tuple(overrides), "failed", 2, 0.0))


def record_job(job: Job) -> Job:
    """Write a job's end into its folder, and say so at once if it did not end well."""
    Path(job.folder, "job.json").write_text(json.dumps(asdict(job), indent=2) + "\n", encoding="utf-8")
    if job.state != "done":
        say(f"[{job.number}] {job.state} with exit code {job.exit_code} after {job.seconds} s: {job.folder}")
    return job


def finish(sweep: Path) -> int:
    """Print the table of a sweep's jobs, write it to sweep.json, and return the exit code.

    A sweep that ended before its first job leaves nothing.
    """
    jobs = sorted((_read(file) for file in sweep.glob("*/job.json")), key=lambda job: job.number)
    if not jobs:
        Path(sweep, "multirun.yaml").unlink(missing_ok=True)
        with suppress(OSError):
            sweep.rmdir()
        return 1
    shared = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    lines = [("job", "state", "seconds", "test/accuracy", "settings")]
    entries: list[Json] = []
    finished: list[tuple[list[str], dict[str, float]]] = []
    for job in jobs:
        own = [line for line in job.overrides if line not in shared]
        scores = _test_scores(Path(job.folder))
        accuracy = scores.get("test/accuracy")
        shown = "-" if accuracy is None else f"{accuracy:.4f}"
        lines.append((str(job.number), job.state, f"{job.seconds:.1f}", shown, " ".join(own)))
        label = " ".join(own)
        entries.append({**asdict(job), "overrides": list(job.overrides), "label": label, "test/accuracy": accuracy})
        if scores:
            finished.append((own, scores))
    say(aligned(lines))
    averaged = cells(finished)
    if len(averaged) < len(finished):
        say(f"\n{aligned(cell_lines(averaged))}\n")
    say(f"sweep: {sweep}")
    content = {"folder": str(sweep), "jobs": entries, "cells": [asdict(cell) for cell in averaged if cell.seeds > 1]}
    text = json.dumps(content, indent=2, ensure_ascii=False)
    Path(sweep, "sweep.json").write_text(text + "\n", encoding="utf-8")
    from distillrun.sweep_page.writing import page_at_the_end  # numpy and scipy, which no job waits for

    say(page_at_the_end(sweep))
    return 0 if all(job.state == "done" for job in jobs) else 1


def say(text: str) -> None:
    """Print at once: a child's output follows on the same stream."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _exit_code(command: Sequence[str]) -> int:
    """Run a command to its end. Ctrl-C reaches it by itself, through the terminal; a SIGTERM to us is handed on."""
    with subprocess.Popen(command) as process, _hands_on_sigterm(process):
        try:
            return process.wait()
        except KeyboardInterrupt:
            try:
                process.wait(SAVE_S)
            except subprocess.TimeoutExpired:
                process.terminate()
            raise


@contextmanager
def _hands_on_sigterm(process: subprocess.Popen[bytes]) -> Iterator[None]:
    def hand_on(number: int, frame: FrameType | None) -> None:
        process.terminate()
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread may catch signals
        yield
        return
    earlier = signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


def _state(exit_code: int) -> str:
    return {0: "done", 3: "budget spent", 130: "interrupted"}.get(exit_code, "killed" if exit_code < 0 else "failed")


def _read(file: Path) -> Job:
    values = json.loads(file.read_text(encoding="utf-8"))
    return Job(**{**values, "overrides": tuple(values["overrides"])})


def _test_scores(folder: Path) -> dict[str, float]:
    """Return the test scores of a run's result.json by name; none where the run did not come so far."""
    try:
        scores = json.loads((folder / "result.json").read_text(encoding="utf-8"))["scores"]
        return {name: float(score["value"]) for name, score in scores.items() if name.startswith("test/")}
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return {}
