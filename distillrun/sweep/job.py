"""One job of a sweep: its folder and its outcome."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distillrun.config.settings import Config, digest
from distillrun.errors import ConfigError
from distillrun.files.disk import named
from distillrun.files.inside import read_text, write_whole

FILE = "job.json"
CONSOLE = "console.log"
ASIDE = ".damaged"
LEFT = ("config.yaml", "metrics.jsonl", "predictions.jsonl", "result.json")
"""What a sweep's page reads of a job."""
REFUSED = "{number:03d}_refused"

QUIET = "DISTILLRUN_SWEEP_IS_DRAWN"
"""In the environment of a sweep and its launcher's workers while a view of it is drawn."""


@dataclass(frozen=True, slots=True)
class Job:
    """The outcome of one job.

    Attributes:
        number: its place in the sweep that started it.
        folder: its run folder, whose name ends in the digest of its config.
        overrides: its settings, as on the command line.
        state: running, done, failed, killed, interrupted, budget spent, refused (its settings are wrong), skipped, or
            not started (the sweep was interrupted before; such a job has no folder).
        exit_code: of its process; negative where a signal ended it.
        seconds: of its last attempt.
        why: it did not end well; empty where it did.
        attempt: counts from 1.
        process: host and number of the process that runs it; empty before it began.
        code: the digest of what results mean in the code that ran it; empty where an earlier version noted none.
        left: the digest of what it left, once it is done; empty where an earlier version noted none.
    """

    number: int
    folder: str
    overrides: tuple[str, ...]
    state: str
    exit_code: int
    seconds: float
    why: str = ""
    attempt: int = 1
    process: str = ""
    code: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job before it is started: its place in the sweep, the end of its folder's name, and its settings."""

    number: int
    name: str
    overrides: tuple[str, ...]


def planned_job(number: int, overrides: Sequence[str], config: Config | ConfigError) -> PlannedJob:
    """Return a job that will be started; one that will be refused has no digest."""
    name = REFUSED.format(number=number) if isinstance(config, ConfigError) else f"_{digest(config)[:8]}"
    return PlannedJob(number, name, tuple(overrides))


def not_started(sweep: Path, planned: Sequence[PlannedJob]) -> list[Job]:
    """Return the planned jobs of which the sweep's folder holds nothing."""
    return [
        Job(one.number, "", one.overrides, "not started", 0, 0.0)
        for one in planned
        if not any(sweep.glob(f"*{one.name}/{FILE}"))
    ]


def claim_job_folder(sweep: Path, number: int, config: Config) -> Path:
    """Return the run folder of a job: the one that it had before, wherever it stood then, else a new one.

    A job is known by its config's digest; the number in front of it is for people.
    """
    name = digest(config)[:8]
    for known in sorted(sweep.glob(f"*_{name}")):
        if known.is_symlink():
            raise ConfigError(f"{known} is a link, and this job would be written to where it leads; delete it")
        return known
    folder = sweep / f"{number:03d}_{name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_job(job: Job) -> Job:
    """Write a job's state into its folder, whole or not at all, with a digest of itself."""
    folder, values = Path(job.folder), asdict(job)
    told = json.dumps({**values, "check": _check(values)}, indent=2)
    write_whole(folder.parent, f"{folder.name}/{FILE}", told + "\n")
    return job


def read_job(folder: Path) -> Job | None:
    """Return what became of the job of a folder; None where none was noted.

    A file that was damaged is set aside, and its job runs again. One of an earlier version has no digest of itself.
    """
    try:
        values = json.loads(read_text(folder, FILE))
        check = values.pop("check", None)
        if check not in (None, _check(values)):
            raise ValueError("its digest does not match")
        return Job(**{**values, "folder": str(folder), "overrides": tuple(values["overrides"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        say(f"{folder / FILE} is damaged ({error}); set aside as {FILE}{ASIDE}, and its job runs again")
        (folder / FILE).rename(folder / (FILE + ASIDE))
        return None


def _check(values: Mapping[str, Any]) -> str:
    """Return the digest of what a job's file says; where its folder lies does not matter."""
    told = {name: value for name, value in values.items() if name != "folder"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def left_in(folder: Path) -> str:
    """Return the digest of what a job that is done left for its sweep's page."""
    found = hashlib.sha256()
    for name in LEFT:
        with suppress(OSError):
            content = read_text(folder, name, "surrogateescape").encode("utf-8", "surrogateescape")
            found.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return found.hexdigest()[:16]


def jobs_in(sweep: Path) -> list[Job]:
    """Return all jobs of a sweep's folder, by number."""
    return sorted(_jobs(sweep), key=lambda job: (job.number, job.folder))


def _jobs(sweep: Path) -> Iterator[Job]:
    for file in sweep.glob(f"*/{FILE}"):
        job = read_job(file.parent)
        if job is not None:
            yield job


def own_process(number: int) -> str:
    """Return what a process of this machine is noted as."""
    return f"{platform.node()}/{number}"


def is_over(job: Job) -> bool:
    """Return whether the process of a job ran on this machine and is gone."""
    host, _, number = job.process.rpartition("/")
    if not number.isdigit() or host != platform.node():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # the number is somebody else's by now
        return True
    return False


def result_in(folder: Path) -> dict[str, Any]:
    """Return the outcome of a run; nothing where its file is missing or damaged."""
    try:
        found = json.loads(read_text(folder, "result.json"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def score_of(job: Job, name: str) -> float | None:
    """Return a score of a job that is done; None where it is not, or has none of that name."""
    scores = result_in(Path(job.folder)).get("scores", {}) if job.state == "done" else {}
    return float(scores[name]["value"]) if name in scores else None


def own_settings(jobs: Sequence[Job]) -> list[list[str]]:
    """Return of each job the settings that not all of them share."""
    return varying([job.overrides for job in jobs])


def varying(settings: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return of each job's settings those that not all of them share."""
    shared = set.intersection(*map(set, settings)) if len(settings) > 1 else set()
    return [[line for line in own if line not in shared] for own in settings]


def say(text: str) -> None:
    """Print at once, since a child's output follows on the same stream; nothing while a view of the sweep is drawn.

    A reader that has gone (`| head`) ends no sweep.
    """
    if QUIET in os.environ:
        return
    with suppress(BrokenPipeError), named(Path("standard output")):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
