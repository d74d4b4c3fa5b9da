"""The errors of a disk that is full or may not be written: one sentence with the path, the need and the cure."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distillrun.errors import ConfigError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG}
_BROKEN = {errno.EIO}
_IN_THE_WAY = {errno.EISDIR, errno.ENOTDIR}
_OF_RUST = re.compile(r"\(os error (\d+)\)")


@contextmanager
def writing(key: str, folder: Path, cure: str = "") -> Iterator[None]:
    """Turn what the disk of a folder refuses, inside the block, into a ConfigError.

    Args:
        key: the setting that names the folder.
        folder: into which the block writes.
        cure: another one than to set the key to another folder.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        said = _sentence(key, folder.absolute(), cure, error)
        if said is None:
            raise
        raise ConfigError(said) from error


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give the errors of the disk, inside the block, the path that they are about: many do not say it."""
    try:
        yield
    except Exception as error:
        number = _number(error)
        if number is None or Path(getattr(error, "filename", None) or "").is_absolute():
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def check_room(path: Path, size: int) -> None:
    """Raise the error of a full disk before anything is written, where there is too little room for so many bytes."""
    free = shutil.disk_usage(path.parent).free
    if free < size:
        need = f"{os.strerror(errno.ENOSPC)}: {size_text(size)} are needed and {size_text(free)} are free"
        raise OSError(errno.ENOSPC, need, str(path))


def disk_trouble(error: BaseException) -> str | None:
    """Return in one sentence what the disk refused; None where an error is about something else."""
    number = _number(error)
    if number is None or number not in _FULL | REFUSED | _BROKEN | _IN_THE_WAY | {errno.ENAMETOOLONG}:
        return None
    path = getattr(error, "filename", None)
    if number in _IN_THE_WAY:
        return (
            f"{path}: {_reason(error, number)}; a folder is in the place of a file, or a file in the place of a "
            "folder: move it"
        )
    cure = "free some room, or write elsewhere" if number in _FULL else "choose a place that you may write"
    return f"{path or 'standard output'}: {_reason(error, number)}; {cure}"


def _sentence(key: str, folder: Path, cure: str, error: Exception) -> str | None:
    number = _number(error)
    if number is None:
        return None
    filename = getattr(error, "filename", None)
    path = Path(os.fsdecode(filename)).absolute() if isinstance(filename, str | bytes) else None
    inside = path is None or path.is_relative_to(folder)
    around = path is not None and folder.is_relative_to(path)
    reason = _reason(error, number)
    if number in _FULL and (inside or around):
        cures = f"{cure}, or " if cure else "free some room, or "
        limit = " (a limit on the size of a file: ulimit -f)" if number == errno.EFBIG else ""
        return f"{key}={folder}: {reason}{limit}; {cures}set {key} to a folder on another disk"
    if number in _BROKEN and inside and path is not None:
        return f"{key}={folder}: the disk fails ({reason}: {path}); set {key} to a folder on another disk"
    if (number in REFUSED and path is not None and (inside or around)) or (
        number in _NO_FOLDER and (around or (inside and number == errno.ENAMETOOLONG))
    ):
        return f"{key}={folder} cannot be written ({reason}: {path}); set {key} to a folder that you may write"
    return None


def _number(error: BaseException) -> int | None:
    """Return the number of a disk's error; libraries in Rust (safetensors, tokenizers) tell it in words alone."""
    if isinstance(error, OSError):
        return error.errno
    found = _OF_RUST.search(str(error))
    return int(found[1]) if found else None


def _reason(error: BaseException, number: int) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or os.strerror(number)


def size_text(size: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    value = float(size)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.4g} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
