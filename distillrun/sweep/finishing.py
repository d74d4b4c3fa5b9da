"""The end of a sweep: the table of its jobs, means over seeds, and sweep.json."""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from distillrun.config.fail_below import shortfalls
from distillrun.config.settings import Config
from distillrun.files.folder import COMMAND
from distillrun.files.inside import write_whole
from distillrun.records import Json, main_score
from distillrun.sweep.cells import aligned, cell_lines, cells
from distillrun.sweep.ending import end_jobs
from distillrun.sweep.job import (
    Job,
    PlannedJob,
    is_over,
    jobs_in,
    not_started,
    own_settings,
    result_in,
    say,
    write_job,
)
from distillrun.sweep.running import GOES_ON
from distillrun.sweep.summary import track_sweep


def finish(sweep: Path, config: Config, complete: bool, planned: Sequence[PlannedJob] = ()) -> int:
    """Print the table of a sweep's jobs, write it to sweep.json, and return the exit code.

    A sweep that ended before its first job leaves nothing.

    Args:
        sweep: its folder.
        config: of its first job.
        complete: whether every job had its turn.
        planned: the jobs that the sweep was to start, as far as they are known before.
    """
    jobs = jobs_in(sweep) if complete else _settled(sweep)
    if not jobs:
        _leave_nothing(sweep)
        return 1
    jobs = sorted([*jobs, *not_started(sweep, planned)], key=lambda job: job.number)
    own = own_settings(jobs)
    scores = [_test_scores(Path(job.folder)) if job.state == "done" else {} for job in jobs]
    metric = main_score(name for found in scores for name in found) or "test/accuracy"
    lines = [_line(*one, metric) for one in zip(jobs, own, scores, strict=True)]
    say(aligned([("job", "state", "seconds", metric, "settings"), *lines]))
    finished = [(settings, found) for settings, found in zip(own, scores, strict=True) if found]
    averaged = cells(finished)
    if len(averaged) < len(finished):
        say(f"\n{aligned(cell_lines(averaged))}\n")
    well = complete and all(job.state == "done" for job in jobs)
    if not well:
        say("not every job is done; the same command runs the rest, in the same folder")
    below = _below(config, jobs)
    for line in below:
        say(line)
    say(f"sweep: {sweep}")
    entries: list[Json] = [
        {
            **asdict(job),
            "overrides": list(job.overrides),
            "label": " ".join(settings),
            "test/accuracy": found.get("test/accuracy"),
        }
        for job, settings, found in zip(jobs, own, scores, strict=True)
    ]
    content = {
        "folder": str(sweep),
        "command": ["distillrun", *sys.argv[1:]],
        "complete": complete,
        "jobs": entries,
        "cells": [asdict(cell) for cell in averaged if cell.seeds > 1],
    }
    write_whole(sweep, "sweep.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    from distillrun.report.sweep.writing import page_at_the_end  # numpy and scipy, which no job waits for

    say(page_at_the_end(sweep))
    try:
        track_sweep(sweep, config)
    except Exception as error:
        say(f"the sweep could not be tracked ({type(error).__name__}: {error}); its jobs and its page are complete")
    return 0 if well and not below else 1


def _below(config: Config, jobs: Sequence[Job]) -> list[str]:
    """Return which jobs have a score below its bar; a job that is not done is told already."""
    found = []
    for job in jobs:
        if job.state == "done":
            scores = result_in(Path(job.folder)).get("scores", {})
            values = {name: float(score["value"]) for name, score in scores.items()}
            found += [f"[{job.number}] {line}" for line in shortfalls(config.fail_below, values)]
    return found


def _settled(sweep: Path) -> list[Job]:
    """Return the jobs after an interruption, once those of this machine have ended; who started them may be gone."""
    end_jobs(sweep)
    for job in jobs_in(sweep):
        if job.state == "running" and is_over(job):
            write_job(replace(job, state="interrupted", exit_code=130, why=GOES_ON))
    return jobs_in(sweep)


def _line(job: Job, own: Sequence[str], scores: dict[str, float], metric: str) -> tuple[str, ...]:
    value = scores.get(metric)
    shown = "-" if value is None else f"{100 * value:.1f} %" if metric.endswith("accuracy") else f"{value:.4g}"
    settings = " ".join(own) + (f"  ({job.why})" if job.why else "")
    return str(job.number), job.state, f"{job.seconds:.1f}", shown, settings


def _leave_nothing(sweep: Path) -> None:
    for name in ("multirun.yaml", COMMAND, ".sweep.lock"):
        Path(sweep, name).unlink(missing_ok=True)
    with suppress(OSError):
        sweep.rmdir()


def _is_told(name: str) -> bool:
    return name.startswith("test/") and ("accuracy" in name or name.endswith("unparsed"))


def _test_scores(folder: Path) -> dict[str, float]:
    """Return how often a run was right, or not understood, by name; nothing where it did not come so far."""
    scores = result_in(folder).get("scores", {})
    return {name: float(score["value"]) for name, score in scores.items() if _is_told(name)}
