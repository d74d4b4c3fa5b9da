"""The part of the machine that each of several parallel jobs gets."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class MachineShare:
    """CPU threads for a job, and the GPUs to take one of; None = the job decides for itself."""

    threads: int | None
    devices: tuple[str, ...]

    @property
    def overrides(self) -> list[str]:
        """The settings that a job gets because of it; none changes a result."""
        return [] if self.threads is None else [f"runtime.threads={self.threads}"]


def share_of(launcher: Mapping[str, Any], devices: str | None, threads: int | None) -> MachineShare:
    """Return what each job gets.

    Args:
        launcher: Hydra's config of the launcher; of those on this machine, it tells how many jobs run at once.
        devices: runtime.devices: auto, or None for no sharing.
        threads: runtime.threads, which wins where it is set.
    """
    target = str(launcher.get("_target_", ""))
    at_once = int(launcher.get("n_jobs", 1)) if "Joblib" in target else 1
    cores = available_cores()
    if at_once < 0:
        at_once = max(1, cores + 1 + at_once)
    if devices is None or at_once == 1:
        return MachineShare(None, ())
    return MachineShare(max(1, cores // at_once) if threads is None else None, gpus())


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> tuple[str, ...]:
    """Return the names of the GPUs that this process may use; loads no torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() and name.strip() != "-1")
    if shutil.which("nvidia-smi") is None:
        return ()
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    return tuple(str(number) for number, line in enumerate(listed.splitlines()) if line.startswith("GPU"))


@contextmanager
def taking_a_device(sweep: Path, share: MachineShare) -> Iterator[dict[str, str]]:
    """Yield the environment of a job that has a GPU to itself; it waits until one is free. Without GPUs, nothing."""
    if not share.devices:
        yield {}
        return
    from filelock import FileLock, Timeout

    while True:
        for device in share.devices:
            lock = FileLock(sweep / f".device_{device.replace('/', '_')}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield {"CUDA_VISIBLE_DEVICES": device}
            finally:
                lock.release()
            return
        time.sleep(WAIT_S)
