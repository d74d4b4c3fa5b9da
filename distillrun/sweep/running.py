"""Running one job in a child process, so that one that is killed fails alone under every launcher."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from distillrun.composition import quoted
from distillrun.inside import append_to
from distillrun.meaning import digest_of_the_code
from distillrun.secret import hide
from distillrun.sweep.job import CONSOLE, QUIET, REFUSED, Job, own_process, read_job, result_in, say, write_job
from distillrun.sweep.share import Share, taking_a_device

SAVE_S = 60.0
"""How long an interrupted job may take to save its state."""

STOP = "stop"
"""A file in a sweep's folder that keeps further jobs from being started."""

GOES_ON = "the same command goes on from there"
"""Why an interrupted job did not end well."""

AGAIN = ("failed", "killed")
"""States after which another attempt may help."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the jobs of a sweep are run.

    Attributes:
        flags: decide where configs are found.
        stops: whether the first job that does not end well is the last one that is started.
        retries: further attempts of a job that failed or was killed.
        share: of the machine that each job gets.
    """

    flags: Sequence[str]
    stops: bool
    retries: int
    share: Share


def run_job(number: int, folder: Path, overrides: Sequence[str], manner: Manner) -> Job:
    """Run one job, unless it was done before by code of the same results, and write down what became of it.

    Args:
        number: the job's place in the sweep.
        folder: its run folder, in that of the sweep.
        overrides: the job's settings, as on the command line.
        manner: how.
    """
    known = read_job(folder)
    job = Job(number, str(folder), tuple(overrides), "running", 0, 0.0, code=digest_of_the_code())
    if known is not None and known.state == "done" and result_in(folder):
        if known.code == job.code:
            say(f"[{number}] done before: {folder}")
            return write_job(replace(known, number=number, overrides=tuple(overrides)))
        say(f"[{number}] done before by a version with other results; what still holds is taken from the store")
    if (folder.parent / STOP).exists():
        return write_job(replace(job, state="skipped", why="an earlier job did not end well, and sweep.on_error=stop"))
    for attempt in range(1, manner.retries + 2):
        job = _attempted(replace(job, attempt=attempt), manner)
        if job.state not in AGAIN:
            break
        if attempt <= manner.retries:
            say(f"[{number}] attempt {attempt + 1} of {manner.retries + 1}")
    if manner.stops and job.state != "done":
        append_to(folder.parent, STOP).close()
    return job


def refuse_job(number: int, sweep: Path, overrides: Sequence[str], error: Exception) -> None:
    """Write down a job whose settings are wrong, so that it fails alone."""
    folder = sweep / REFUSED.format(number=number)
    folder.mkdir(parents=True, exist_ok=True)
    why = hide(str(error))
    say(f"[{number}] {why}")
    _noted(Job(number, str(folder), tuple(overrides), "refused", 2, 0.0, why))


def _attempted(job: Job, manner: Manner) -> Job:
    say(f"[{job.number}] {' '.join(job.overrides)}")
    write_job(job)
    started = time.monotonic()
    exit_code = 130
    with taking_a_device(Path(job.folder).parent, manner.share) as environment:
        words = [*manner.flags, *job.overrides, *manner.share.overrides, f"paths.run={quoted(job.folder)}"]
        command = [sys.executable, "-m", "distillrun", *words]
        try:
            exit_code = _exit_code(command, environment, job)
        finally:
            seconds = round(time.monotonic() - started, 1)
            state = _state(exit_code)
            job = _noted(replace(job, state=state, exit_code=exit_code, seconds=seconds, why=_why(job, exit_code)))
    return job


def _noted(job: Job) -> Job:
    """Write down a job's end, and say so at once."""
    write_job(job)
    if job.state == "done":
        say(f"[{job.number}] done after {job.seconds} s: {job.folder}")
    else:
        say(f"[{job.number}] {job.state} with exit code {job.exit_code} after {job.seconds} s: {job.why}: {job.folder}")
    return job


def _why(job: Job, exit_code: int) -> str:
    """Return why a job did not end well, from what it left; empty where it did."""
    if exit_code == 0:
        return ""
    if exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    if exit_code == 130:
        return GOES_ON
    return str(result_in(Path(job.folder)).get("error") or "it wrote no reason; see what it printed")


def _exit_code(command: Sequence[str], environment: Mapping[str, str], job: Job) -> int:
    """Run a command to its end. Ctrl-C reaches it by itself, through the terminal; a SIGTERM to us is handed on.

    While a view of the sweep is drawn, what it prints goes into a file of the job's folder.
    """
    whole = {**os.environ, **environment}
    with (
        append_to(Path(job.folder), CONSOLE) if QUIET in os.environ else nullcontext() as printed,
        subprocess.Popen(command, env=whole, stdout=printed, stderr=printed) as process,
        _hands_on_sigterm(process),
    ):
        write_job(replace(job, process=own_process(process.pid)))
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
    if exit_code < 0:
        return "killed"
    return {0: "done", 2: "refused", 3: "budget spent", 130: "interrupted"}.get(exit_code, "failed")
