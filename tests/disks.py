"""Disks of a chosen size, and such as may only be read: real ones, where this machine permits mounts."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Yield a folder on a disk of that size, such as 600k; the test is skipped where nothing may be mounted."""
    folder.mkdir(parents=True)
    with _mounted(folder, ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]):
        yield folder


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Make a folder one of a disk that may only be read; the test is skipped where nothing may be mounted."""
    with _mounted(folder, ["--bind", str(folder)]):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield folder


@contextmanager
def _mounted(folder: Path, words: list[str]) -> Iterator[None]:
    done = subprocess.run(["mount", *words, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk may be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
