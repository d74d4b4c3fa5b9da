"""A run or a sweep in an index, as its folder tells of it: folders are read as data, and links are not followed."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from distillrun.files.folder import COMMAND
from distillrun.records import Json, main_score
from distillrun.report.run.values import mapping, sequence
from distillrun.report.sweep.job import CONFIG, JOB, RESULT, SweepJob
from distillrun.report.sweep.reading import command_of, jobs_of, read_object

SWEEP, PAGE = "sweep.json", "report.html"
WAITING = frozenset({"not finished", "not started", "waiting", "skipped", "interrupted"})
"""States of a job that the same command goes on from."""

_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)_")


@dataclass(frozen=True, slots=True)
class Entry:
    """One folder.

    Attributes:
        folder: of the run or the sweep.
        kind: which of both it is.
        status: of a run as it says itself; of a sweep running, failed, not finished or done.
        started: date and time, to the second.
        task, student, objective: the options that were chosen; of a sweep, all of them.
        jobs: how many runs there are.
        done: how many of them ended well.
        metric: the score that is shown; empty where there is none.
        values: of that score, of each run that has it.
        is_share: whether it is shown in percent.
        settings: what was given on the command line.
        page: of the folder, relative to it; empty where there is none.
    """

    folder: Path
    kind: Literal["run", "sweep"]
    status: str
    started: str
    task: str
    student: str
    objective: str
    jobs: int
    done: int
    metric: str
    values: tuple[float, ...]
    is_share: bool
    settings: str
    page: str

    def as_json(self) -> dict[str, Json]:
        """Return the entry for programs; a score that is a share lies between 0 and 1."""
        score: Json = (
            {"name": self.metric, "best": max(self.values), "worst": min(self.values)} if self.values else None
        )
        return {
            "folder": str(self.folder),
            "kind": self.kind,
            "status": self.status,
            "started": self.started,
            "task": self.task,
            "student": self.student,
            "objective": self.objective,
            "jobs": self.jobs,
            "done": self.done,
            "score": score,
            "settings": self.settings,
            "page": str(self.folder / self.page) if self.page else None,
        }


def entries_in(runs: Path) -> list[Entry]:
    """Return the runs and sweeps of a folder, the newest first."""
    folders = sorted(path for path in runs.iterdir() if path.is_dir() and not path.is_symlink())
    found = [entry for folder in folders if (entry := _entry(folder)) is not None]
    return sorted(found, key=lambda entry: (entry.started, entry.folder.name), reverse=True)


def _entry(folder: Path) -> Entry | None:
    """Return what a folder holds; None where that is neither a run nor a sweep."""
    is_run = any((folder / name).is_file() for name in (RESULT, JOB, CONFIG))
    jobs = [SweepJob(folder, folder, read_object(folder / JOB), read_object(folder / RESULT))] if is_run else []
    if not is_run:
        jobs = jobs_of(folder)
        if not jobs and not (folder / COMMAND).is_file():
            return None
    metric = _metric(jobs)
    scored = [job for job in jobs if metric in job.scores]
    return Entry(
        folder=folder,
        kind="run" if is_run else "sweep",
        status=jobs[0].state if is_run else _status(folder, jobs),
        started=_started(folder),
        task=_chosen(jobs, "task"),
        student=_chosen(jobs, "student"),
        objective=_chosen(jobs, "objective"),
        jobs=len(jobs),
        done=sum(job.state == "done" for job in jobs),
        metric=metric,
        values=tuple(job.scores[metric] for job in scored),
        is_share=all(job.is_share(metric) for job in scored),
        settings=_settings(command_of(folder, jobs)),
        page=PAGE if (folder / PAGE).is_file() else "",
    )


def _status(folder: Path, jobs: Sequence[SweepJob]) -> str:
    told = read_object(folder / SWEEP)
    states = {job.state for job in jobs}
    if "running" in states:
        return "running"
    if states - WAITING - {"done"}:
        return "failed"
    # a job that was not started has no folder
    listed = {str(mapping(job).get("state")) for job in sequence(told.get("jobs"))}
    return "done" if states == {"done"} and told.get("complete") is True and listed <= {"done"} else "not finished"


def _started(folder: Path) -> str:
    """Return when a run began, by its folder's name, or else by the oldest of the files that it wrote down first."""
    if stamp := _STAMP.match(folder.name):
        return f"{stamp[1]} {stamp[2]}:{stamp[3]}:{stamp[4]}"
    times = [file.lstat().st_mtime for name in (CONFIG, COMMAND, RESULT) if (file := folder / name).is_file()]
    return f"{datetime.fromtimestamp(min(times)):%Y-%m-%d %H:%M:%S}" if times else ""


def _chosen(jobs: Sequence[SweepJob], group: str) -> str:
    """Return the options that were chosen of a group, each once."""
    found = (mapping(job.result.get("selected")).get(group) or job.overrides.get(group) or "" for job in jobs)
    return ", ".join(dict.fromkeys(str(option) for option in found if option))


def _metric(jobs: Sequence[SweepJob]) -> str:
    """Return the name of the score to show; empty where no job has one of the test."""
    return main_score(name for job in jobs for name in job.scores if name.startswith("test/"))


def _settings(command: str) -> str:
    words = shlex.split(command)
    return shlex.join(word for word in words[1:] if word not in ("-m", "--multirun"))
