"""The early end of jobs: each gets time to save its state, and reports its reason to the sweep."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distillrun.files.folder import COMMAND
from distillrun.files.inside import write_whole
from distillrun.sweep.job import FILE, Job, is_over, jobs_in, own_process

SAVE_S = 60.0
"""How long an interrupted job may take to save its state."""

AT_ONCE_S = 10.0
"""How long it may take to end after the second signal, before it is killed."""

STARTS_S = 2.0
"""How long after a stop a job that is being started may not be known yet."""

STOP = "stop"
"""A file in a sweep's folder that keeps further jobs from being started, and says why."""

REASON = "DISTILLRUN_REASON"
"""In the environment of a job: the number of the descriptor into which it writes why it did not end well."""

MOST_REASON = 4096


def end_jobs(sweep: Path) -> None:
    """Have the running jobs of a sweep on this machine save and end, and start no further ones.

    A launcher such as joblib kills its workers with their jobs where the sweep is interrupted, so this comes before.
    """
    with suppress(OSError):
        write_whole(sweep, STOP, "the sweep was interrupted")
    begun = time.monotonic()
    told: set[str] = set()
    while (waited := time.monotonic() - begun) < SAVE_S:
        jobs = [job for job in jobs_in(sweep) if job.state == "running" and _is_of_this_sitting(job)]
        running = [job for job in jobs if is_here(job)]
        for job in running:
            if job.process not in told:
                told.add(job.process)
                with suppress(ProcessLookupError):
                    os.kill(int(job.process.rpartition("/")[2]), signal.SIGTERM)
        if not running and not (waited < STARTS_S and any(not job.process for job in jobs)):
            return
        time.sleep(0.1)


def end_child(process: "subprocess.Popen[bytes]") -> None:
    """Have a child save and end; at once where a second signal comes or it takes too long."""
    for wait_s in (SAVE_S, AT_ONCE_S):
        process.terminate()
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(wait_s)
            return
    process.kill()


def is_here(job: Job) -> bool:
    """Return whether the process of a job runs on this machine."""
    return job.process.startswith(own_process(0)[:-1]) and not is_over(job)


def _is_of_this_sitting(job: Job) -> bool:
    """Return whether a job was noted after the sweep began: the number of an earlier one may be somebody else's now."""
    folder = Path(job.folder)
    try:
        return (folder / FILE).stat().st_mtime >= (folder.parent / COMMAND).stat().st_mtime
    except OSError:
        return False


@contextmanager
def told_why() -> Iterator[tuple[int, "Reason"]]:
    """Yield the descriptor that a job writes its reason into, and what reads it once the job has ended."""
    reading, writing = os.pipe()
    reason = Reason(reading)
    try:
        yield writing, reason
    finally:
        os.close(writing)
        os.close(reading)


class Reason:
    """The reason for which a job did not end well. It comes through a pipe, since the job's disk may be full."""

    def __init__(self, reading: int) -> None:
        self._reading = reading

    def read(self) -> str:
        """Return what the job wrote; empty where it wrote nothing."""
        os.set_blocking(self._reading, False)
        try:
            return os.read(self._reading, MOST_REASON).decode("utf-8", "replace").strip()
        except BlockingIOError:
            return ""


def is_job() -> bool:
    """Return whether a sweep started this process."""
    return REASON in os.environ


def tell_why(reason: str) -> None:
    """Report to the sweep that started this process why it does not end well; without a sweep, nothing."""
    with suppress(OSError, ValueError, KeyError):
        os.write(int(os.environ[REASON]), reason.encode("utf-8", "replace")[:MOST_REASON])
