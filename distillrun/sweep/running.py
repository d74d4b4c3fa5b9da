"""One job in a child process, so that one that is killed fails alone under every launcher."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from distillrun.artifacts.meaning import digest_of_the_code
from distillrun.config.compose import quoted
from distillrun.files.inside import append_to, read_text, write_whole
from distillrun.process.interrupt import SIGNALS, stops_at_once
from distillrun.sweep.ending import REASON, STOP, end_child, told_why
from distillrun.sweep.job import CONSOLE, QUIET, REFUSED, Job, left_in, own_process, read_job, result_in, say, write_job
from distillrun.sweep.machine_share import MachineShare, taking_a_device
from distillrun.text.secret import hide

GOES_ON = "the same command resumes it from there"
"""Why an interrupted job did not end well."""

AGAIN = ("failed", "killed")
"""States after which another attempt may help."""


@dataclass(frozen=True, slots=True)
class JobPolicy:
    """The settings with which the jobs of a sweep are run.

    Attributes:
        flags: decide where configs are found.
        stops: whether the first job that does not end well is the last one that is started.
        retries: further attempts of a job that failed or was killed.
        share: of the machine that each job gets.
    """

    flags: Sequence[str]
    stops: bool
    retries: int
    share: MachineShare


def run_job(number: int, folder: Path, overrides: Sequence[str], manner: JobPolicy) -> Job:
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
        if known.left not in ("", left_in(folder)):
            say(f"[{number}] its files were changed, so it runs again; valid results are taken from the store")
        elif known.code == job.code:
            say(f"[{number}] done before: {folder}")
            return write_job(replace(known, number=number, overrides=tuple(overrides)))
        else:
            say(f"[{number}] done before by a version with other results; valid results are taken from the store")
    if (folder.parent / STOP).exists():
        return write_job(replace(job, state="skipped", why=_stopped(folder.parent)))
    for attempt in range(1, manner.retries + 2):
        job = _attempted(replace(job, attempt=attempt), manner)
        if job.state not in AGAIN:
            break
        if attempt <= manner.retries:
            say(f"[{number}] attempt {attempt + 1} of {manner.retries + 1}")
    if manner.stops and job.state != "done":
        write_whole(folder.parent, STOP, "an earlier job did not end well, and sweep.on_error=stop")
    return job


def _stopped(sweep: Path) -> str:
    return read_text(sweep, STOP)


def refuse_job(number: int, sweep: Path, overrides: Sequence[str], error: Exception) -> None:
    """Write down a job whose settings are wrong, so that it fails alone."""
    folder = sweep / REFUSED.format(number=number)
    folder.mkdir(parents=True, exist_ok=True)
    why = hide(str(error))
    say(f"[{number}] {why}")
    _noted(Job(number, str(folder), tuple(overrides), "refused", 2, 0.0, why))


def _attempted(job: Job, manner: JobPolicy) -> Job:
    say(f"[{job.number}] {' '.join(job.overrides)}")
    write_job(job)
    started = time.monotonic()
    exit_code, reason = 130, ""
    with taking_a_device(Path(job.folder).parent, manner.share) as environment:
        own = ["replicates=1", f"paths.run={quoted(job.folder)}"]  # a job is one of the replicates
        words = [*manner.flags, *job.overrides, *manner.share.overrides, *own]
        # a module in the current folder is imported by a job only where it is by us, too
        alone = [] if {"", str(Path.cwd())} & set(sys.path) else ["-P"]
        command = [sys.executable, *alone, "-m", "distillrun", *words]
        try:
            exit_code, reason = _run(command, environment, job)
        finally:
            seconds = round(time.monotonic() - started, 1)
            state, why = _state(exit_code), _why(job, exit_code, reason)
            left = left_in(Path(job.folder)) if state == "done" else ""
            job = _noted(replace(job, state=state, exit_code=exit_code, seconds=seconds, why=why, left=left))
    return job


def _noted(job: Job) -> Job:
    """Write down a job's end, and say so at once."""
    write_job(job)
    if job.state == "done":
        say(f"[{job.number}] done after {job.seconds} s: {job.folder}")
    else:
        say(f"[{job.number}] {job.state} with exit code {job.exit_code} after {job.seconds} s: {job.why}: {job.folder}")
    return job


def _why(job: Job, exit_code: int, reason: str) -> str:
    """Return why a job did not end well, in its own words where it had any; empty where it ended well."""
    if exit_code == 0:
        return ""
    if _state(exit_code) == "interrupted":
        return GOES_ON
    if exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return reason or str(result_in(Path(job.folder)).get("error") or "it gave no reason; see its output")


def _run(command: Sequence[str], environment: Mapping[str, str], job: Job) -> tuple[int, str]:
    """Run a command to its end, and return its exit code and its reason. What ends us lets it save and end first.

    While a view of the sweep is drawn, what it prints goes into a file of the job's folder.
    """
    with told_why() as (writing, reason):
        whole = {**os.environ, **environment, REASON: str(writing)}
        with (
            append_to(Path(job.folder), CONSOLE) if QUIET in os.environ else nullcontext() as printed,
            subprocess.Popen(command, env=whole, stdout=printed, stderr=printed, pass_fds=[writing]) as process,
        ):
            try:
                with stops_at_once():
                    write_job(replace(job, process=own_process(process.pid)))
                    exit_code = process.wait()
            except BaseException:  # also what a launcher's own handler raises, such as submitit's before it requeues
                end_child(process)
                raise
        return exit_code, reason.read()


def _state(exit_code: int) -> str:
    if -exit_code in SIGNALS:  # it came before the job could do anything that would be saved
        return "interrupted"
    if exit_code < 0:
        return "killed"
    return {0: "done", 2: "refused", 3: "budget spent", 130: "interrupted"}.get(exit_code, "failed")
