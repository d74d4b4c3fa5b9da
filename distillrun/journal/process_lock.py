"""A lock among processes, under which a ledger is written, and a test of whether it keeps anybody out."""

import errno
import fcntl
import os
import re
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

_LOCAL_ONLY = re.compile(r"nolock|local_lock=(?:all|flock)|nobrl|localflock")
"""Mount options under which a lock holds on this machine and says nothing to others."""

_MISSING = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL})
"""What a system says that has no locks for a file."""


class ProcessLock:
    """A lock among processes, held while it is entered; where the system has no locks, it holds nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._process = 0

    def __enter__(self) -> Self:
        while True:
            if self._descriptor is None or self._process != os.getpid():  # a fork shares its parent's lock
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._process = os.getpid()
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            except OSError as error:
                if error.errno not in _MISSING:
                    raise
            if os.fstat(self._descriptor).st_nlink:
                return self
            self.close()  # somebody has deleted the file: its lock guards no name

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            except OSError as missing:
                if missing.errno not in _MISSING:
                    raise

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None and self._process == os.getpid():
            os.close(self._descriptor)
        self._descriptor = None


def locks_fail(folder: Path) -> str | None:
    """Return why file locks keep nobody out of a folder; None where they do.

    Tried with two descriptors. What another machine would see cannot be tried, so the mount's options are asked.
    """
    if local := _LOCAL_ONLY.search(_mount_options(folder)):
        return f"the file system is mounted with {local[0]}, so its locks hold on one machine only"
    probe = folder / f".lock-{uuid.uuid4().hex}"
    first = os.open(probe, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    second = os.open(probe, os.O_RDWR)
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return f"the file system has no locks ({error.strerror})" if error.errno in _MISSING else None
    finally:
        os.close(first)
        os.close(second)
        probe.unlink(missing_ok=True)
    return "the file system's locks keep nobody out"


def _mount_options(folder: Path) -> str:
    """Return the options with which the file system of a folder is mounted; empty where they are not known."""
    place, options = str(folder.resolve()), ""
    longest = -1
    for line in text_of("/proc/self/mountinfo").splitlines():
        fields = line.split()
        point = fields[4] if len(fields) > 5 else ""
        if len(point) > longest and (place + "/").startswith(point.rstrip("/") + "/"):
            longest, options = len(point), f"{fields[5]} {fields[-1]}"
    return options


def text_of(path: str) -> str:
    """Return what a file of the system says; empty where there is none."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
