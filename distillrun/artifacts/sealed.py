"""Folders that an interrupted call goes on from: whole on the disk, with the digests of their files, or not there.

The digests stand in a file that `sha256sum -c` reads. A folder that differs from it in any way is set aside, so that a
flipped bit, a torn file or a power cut costs the work of that folder and never a wrong result.
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distillrun.files.disk import check_room, named

log = logging.getLogger("distillrun")

SUMS = "SHA256SUMS"
ASIDE = ".damaged"


@contextmanager
def sealing(folder: Path, size: int = 0) -> Iterator[Path]:
    """Yield a folder to fill; bring it to the disk with its digests, and only then give it its name.

    A folder that bears the name already is replaced. Where the disk is full, it keeps nothing of the new one.

    Args:
        folder: its final name.
        size: how many bytes will be written, as far as that is known.
    """
    part = folder.with_name(f"{folder.name}.part")
    _remove(part)
    part.mkdir(parents=True)
    try:
        with named(part):
            check_room(part, size)
            yield part
            (part / SUMS).write_bytes(_sums(part))
            for path in [*part.rglob("*"), part]:
                flush(path)
        _remove(folder)
        part.rename(folder)
    except OSError:
        _remove(part)
        raise
    flush(folder.parent)


def is_sealed(folder: Path) -> bool:
    """Return whether a folder is as `sealing` left it; one that is not is set aside with a line in the log."""
    if not os.path.lexists(folder):
        return False
    try:
        problem = _problem(folder)
    except OSError as error:
        problem = f"it cannot be read ({error.strerror})"
    if problem is not None:
        set_aside(folder, problem)
    return problem is None


def set_aside(path: Path, problem: str) -> None:
    """Rename a folder that cannot be resumed from, and log why; an earlier one of that name is replaced."""
    aside = path.with_name(path.name + ASIDE)
    log.warning("%s: %s; set aside as %s and made again", path, problem, aside.name)
    _remove(aside)
    path.rename(aside)


def flush(path: Path) -> None:
    """Bring a file, or the entries of a folder, to the disk, so that they outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _problem(folder: Path) -> str | None:
    if folder.is_symlink() or not folder.is_dir():
        return "it is not a folder"
    if not (folder / SUMS).is_file():
        return f"{SUMS} is missing"
    differing = set(_sums(folder).splitlines()) ^ set((folder / SUMS).read_bytes().splitlines())
    names = {line.partition(b"  ")[2].decode("utf-8", "replace") or SUMS for line in differing}
    return f"{', '.join(sorted(names))} has changed since it was written" if names else None


def _sums(folder: Path) -> bytes:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SUMS)
    return b"".join(f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n".encode() for path in files)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
