"""Folders of sweeps and runs as jobs."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distillrun.errors import ConfigError, nearest
from distillrun.files.folder import COMMAND, FOLDER_WORDS
from distillrun.files.inside import read_text
from distillrun.records import Json
from distillrun.report.run.values import finite, mapping, sequence
from distillrun.report.sweep.job import CONFIG, JOB, RESULT, SweepJob


@dataclass(frozen=True, slots=True)
class Sweeps:
    """The sweeps as read: the jobs in order, the command of each sweep, and the problems of their folders."""

    jobs: Sequence[SweepJob]
    commands: Sequence[str]
    complaints: Sequence[str] = field(default=())


def read_sweeps(folders: Sequence[Path]) -> Sweeps:
    """Return the jobs of sweeps; a folder may also be that of a single run.

    Raises:
        ConfigError: a folder is not there, holds no run, or is named twice; or the runs are of different tasks.
    """
    jobs: list[SweepJob] = []
    commands, complaints = [], []
    for folder in folders:
        if not folder.is_dir():
            there = [child.name for child in folder.parent.iterdir()] if folder.parent.is_dir() else []
            moved = nearest(folder.name, there)
            raise ConfigError(f"{folder}: there is no such folder{moved}; name a sweep's folder, or a run's")
        found = jobs_of(folder)
        if not found:
            raise ConfigError(f"{folder} holds no run: no {RESULT}, and no folder in it with {JOB} or {CONFIG}")
        jobs += found
        command = command_of(folder, found)
        commands += [command] if command and command not in commands else []
        complaints += _gone(folder, found)
    places = [job.folder.resolve() for job in jobs]
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice} is named twice; name each folder once")
    _one_task(jobs)
    return Sweeps(jobs, commands, complaints)


def jobs_of(folder: Path) -> list[SweepJob]:
    """Return the jobs of a sweep's folder by number, the one run of a run's folder; none where it holds neither."""
    if (folder / RESULT).is_file() or (folder / JOB).is_file():
        return [_job(folder, folder)]
    holding = {file.parent for name in (JOB, RESULT, CONFIG) for file in folder.glob(f"*/{name}")}
    found = [_job(folder, place) for place in sorted(holding)]
    return sorted(found, key=lambda job: (finite(job.job.get("number")) or 0.0, job.folder.name))


def _job(sweep: Path, folder: Path) -> SweepJob:
    return SweepJob(sweep, folder, read_object(folder / JOB), read_object(folder / RESULT))


def read_object(file: Path) -> dict[str, Json]:
    """Return a JSON object; empty where the file is missing, torn or holds something else."""
    try:
        return mapping(json.loads(read_text(file.parent, file.name)))
    except (OSError, ValueError, RecursionError):
        return {}


def command_of(folder: Path, jobs: Sequence[SweepJob]) -> str:
    """Return the command that made a folder, of a sweep or a run, with whatever jobs it has; empty where none says."""
    return _command(folder) or (_own_command(jobs[0]) if jobs else "")


def _command(folder: Path) -> str:
    """Return the command of a sweep, from what it wrote down at its end or at its start; empty where it did not."""
    if told := _ours(read_object(folder / "sweep.json").get("command")):
        return told
    try:
        words = [str(word) for word in json.loads(read_text(folder, COMMAND))]
    except (OSError, ValueError, TypeError, RecursionError):
        return ""
    return shlex.join(["distillrun", "-m", *(word for word in words if not word.startswith(FOLDER_WORDS))])


def _own_command(job: SweepJob) -> str:
    return _ours(job.result.get("command"))


def _ours(command: Json) -> str:
    """Return a command as it is offered to be given again; empty where it is none of this program's."""
    words = list(map(str, sequence(command)))
    return shlex.join(words) if words[:1] == ["distillrun"] else ""


def _gone(folder: Path, found: Sequence[SweepJob]) -> list[str]:
    """Return what a sweep once had and has no more."""
    names = {job.folder.name for job in found}
    jobs = [mapping(job) for job in sequence(read_object(folder / "sweep.json").get("jobs"))]
    gone = sorted({Path(str(job.get("folder"))).name for job in jobs if job.get("folder")} - names)
    complaints = [f"{folder}: the folders of {len(gone)} jobs are gone: {', '.join(gone[:8])}"] if gone else []
    empty = [job.folder.name for job in found if job.state == "result missing"]
    if empty:
        complaints.append(f"{folder}: done, but their {RESULT} is missing or damaged: {', '.join(empty[:8])}")
    return complaints


def _one_task(jobs: Sequence[SweepJob]) -> None:
    """Refuse jobs of different tasks: their accuracies are of different questions."""
    tasks: dict[str, str] = {}
    for job in jobs:
        task = str(mapping(job.result.get("selected")).get("task") or job.overrides.get("task") or "")
        if task:
            tasks.setdefault(task, job.name)
    if len(tasks) > 1:
        listed = ", ".join(f"{task} ({where})" for task, where in tasks.items())
        raise ConfigError(f"runs of different tasks cannot be compared: {listed}; make a report for each")
    asked = [(job.name, set().union(*job.right.values())) for job in jobs if job.right]
    for name, questions in asked:
        if questions.isdisjoint(asked[0][1]):
            both = f"{asked[0][0]} and {name}"
            raise ConfigError(f"{both} answered different questions and cannot be compared; make a report for each")
