"""What keeps the store's writers apart, and says clearly why a write failed."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from distillrun.errors import ConfigError
from distillrun.inside import refuse_links

log = logging.getLogger("distillrun")

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST}


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
def locked(folder: Path, stage: str) -> Iterator[None]:
    """Hold the lock of an artifact's folder, waiting for another process with a line in the log."""
    lock = lock_of(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("%s: waiting for %s…, which another process is making", stage, folder.name[:8])
        lock.acquire(poll_interval=0.2)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def write_errors_explained(root: Path) -> Iterator[None]:
    """Turn a full disk, and a refusal to write the store, into a ConfigError that names the key."""
    try:
        yield
    except OSError as error:
        path = Path(str(error.filename)).absolute() if error.filename is not None else None
        inside = path is not None and path.is_relative_to(root)
        around = path is not None and root.is_relative_to(path)
        if error.errno in _FULL:
            cure = "free some with `distillrun store prune`, or set paths.store to a folder on another disk"
            raise ConfigError(f"paths.store={root}: {error.strerror}; {cure}") from error
        if (error.errno in _REFUSED and (inside or around)) or (error.errno in _NO_FOLDER and around):
            cure = "set paths.store to a folder that you may write"
            raise ConfigError(f"paths.store={root} cannot be written ({error.strerror}: {path}); {cure}") from error
        raise
