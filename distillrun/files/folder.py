"""The folders of runs and sweeps: named by date, never shared by two that start in the same second."""

import os
from datetime import datetime
from pathlib import Path

from distillrun.errors import ConfigError

COMMAND = "command.json"
"""What a sweep was asked for, in its folder."""

FOLDER_WORDS = ("hydra.mode=", "hydra.sweep.dir=")
"""Settings of a sweep that say where its jobs are and how they are started, not what they do."""


def sweep_of(run: Path) -> str | None:
    """Return the name of the sweep in whose folder a run folder lies; None where it lies in none."""
    return run.parent.name if (run.parent / COMMAND).is_file() else None


def files_in(folder: Path) -> dict[str, Path]:
    """Return the files of a folder, and of those in it, by their paths inside it; hidden ones are left out."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path for path in found}


def make_folder(path: Path, key: str) -> None:
    """Make a folder, unless it is there. Raises ConfigError naming its key where it cannot be made or written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        reason = None if os.access(path, os.W_OK | os.X_OK) else "no permission to write"
    except OSError as error:
        reason = error.strerror
    if reason is not None:
        raise ConfigError(f"{key}={path} cannot be a folder to write into ({reason}); set {key} to another one")


def check_is_text(path: Path, key: str) -> None:
    """Refuse a folder whose name is not text. Raises ConfigError naming its key."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        told = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
        raise ConfigError(
            f"{key}={told}: its name holds bytes that are not UTF-8, which no job's settings can hold; rename it, or "
            f"set {key} to another one"
        ) from None


def claim_folder(parent: Path, label: str) -> Path:
    """Make and return `<parent>/<date>_<time>_<label>`; a number is added where another process was first.

    Raises:
        ConfigError: paths.runs, which is the parent, cannot be written.
    """
    make_folder(parent, "paths.runs")
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    number = 1
    while True:
        folder = parent / (f"{stamp}_{label}" + (f"_{number}" if number > 1 else ""))
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
