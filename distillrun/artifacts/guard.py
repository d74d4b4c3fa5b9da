"""The locks that keep the store's writers apart."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from distillrun.files.disk import REFUSED
from distillrun.files.inside import refuse_links

log = logging.getLogger("distillrun")


def lock_of(folder: Path) -> FileLock:
    """Return the lock of an artifact's folder, `root/<stage>/<key>`; the kernel frees it when its holder dies."""
    locks = folder.parent.parent / ".locks"
    locks.mkdir(exist_ok=True)
    # lock files stay: deleting one lets two processes hold two locks of the same name
    name = f"{folder.parent.name}-{folder.name}.lock"
    refuse_links(locks.parent, [locks.name], deep=False)
    refuse_links(locks, [name])
    return FileLock(locks / name)


@contextmanager
def locked(folder: Path, stage: str) -> Iterator[bool]:
    """Hold the lock of an artifact's folder, waiting for another process with a line in the log.

    Yields whether it is held; it is not where the store may only be read.
    """
    try:
        lock = lock_of(folder)
        _acquire(lock, f"{stage}: waiting for {folder.name[:8]}…, which another process is making")
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _acquire(lock: FileLock, waiting: str) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info(waiting)
        lock.acquire(poll_interval=0.2)
