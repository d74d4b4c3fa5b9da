"""Folders of runs and sweeps: named by date, and never shared by two that start in the same second."""

from datetime import datetime
from pathlib import Path


def claim_folder(parent: Path, label: str) -> Path:
    """Make and return `<parent>/<date>_<time>_<label>`; a number is added where another process was first."""
    parent.mkdir(parents=True, exist_ok=True)
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
