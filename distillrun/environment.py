"""What a run ran on, for the record."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from distillrun.records import Json

PACKAGES = ("distillrun", "torch", "transformers", "accelerate", "datasets", "peft", "numpy")


def environment() -> dict[str, Json]:
    """Return versions, machine and the commit of the current folder. No name, path or variable of the user is in it."""
    packages: dict[str, Json] = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": packages,
        "commit": _commit(),
    }


def _commit() -> str | None:
    """Return the commit of the current folder, marked where files differ from it; None outside of a repository."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
            cwd=Path.cwd(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
