"""The folder of a sweep: a new one, or that of the same command that did not finish."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.files.folder import COMMAND, FOLDER_WORDS
from distillrun.files.inside import read_text, refuse_links, write_whole
from distillrun.sweep.ending import STOP

LOCK = ".sweep.lock"

FOREIGN = (LOCK, "multirun.yaml", ".device_*", ".submitit", "wandb", "mlflow*")
"""What other packages write into the folder of a sweep; they follow links."""


def unfinished_sweep(runs: Path, label: str, overrides: Sequence[str]) -> Path | None:
    """Return the newest folder in which the same command began, if it did not finish and no process works there."""
    for folder in sorted(runs.glob(f"*_{label}*"), reverse=True):
        if folder.is_symlink() or _command(folder) != _what(overrides):
            continue
        return folder if not _is_done(folder) and _is_free(folder) else None
    return None


@contextmanager
def working_in(folder: Path, overrides: Sequence[str]) -> Iterator[None]:
    """Keep other sweeps out of the folder, note there what is asked for, and let jobs be started in it again.

    Raises:
        ConfigError: another sweep works there, or links lead out of it.
    """
    from filelock import FileLock, Timeout

    refuse_links(folder, FOREIGN)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"another sweep is running in {folder}; wait until it ends, or choose another folder: "
            "hydra.sweep.dir=FOLDER"
        ) from None
    try:
        write_whole(folder, COMMAND, json.dumps(sorted(overrides), indent=1) + "\n")
        (folder / STOP).unlink(missing_ok=True)
        for refused in folder.glob("*_refused"):  # the settings of this time decide again
            refused.unlink() if refused.is_symlink() else shutil.rmtree(refused)
        yield
    finally:
        lock.release()


def _command(folder: Path) -> list[str] | None:
    try:
        found = json.loads(read_text(folder, COMMAND))
    except (OSError, ValueError, RecursionError):
        return None
    return _what(found) if isinstance(found, list) else None


def _what(overrides: Sequence[str]) -> list[str]:
    """Return what a sweep is asked for, without the words that say where: the folder is the same with and without."""
    return sorted(line for line in map(str, overrides) if not line.startswith(FOLDER_WORDS))


def _is_done(folder: Path) -> bool:
    """Return whether all jobs of the last sitting ended well; `finish` writes sweep.json last."""
    try:
        content = json.loads(read_text(folder, "sweep.json"))
        return bool(content["complete"]) and all(job["state"] == "done" for job in content["jobs"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _is_free(folder: Path) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / LOCK).acquire(timeout=0):
            return True
    except Timeout:
        return False
