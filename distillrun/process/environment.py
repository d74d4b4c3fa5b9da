"""The environment of a run, for the record."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

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
    """Return the commit of the current folder, marked where files differ from it; None outside of a repository.

    The folder may be somebody else's: its hooks, its watcher and its submodules are left alone, and where its config
    has filters, which git would run to compare files, it is marked as not compared.
    """
    try:
        commit = _git("rev-parse", "HEAD").strip()
        own = [line.split(maxsplit=1) for line in _git("config", "--list", "--name-only", "--show-scope").splitlines()]
        if any(scope in ("local", "worktree") and name.startswith("filter.") for scope, name in own):
            return f"{commit}-not-compared"
        changed = _git("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(*words: str) -> str:
    """Return what git says of the current folder, with nothing of it run."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", *words]
    settings = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True, env=settings).stdout
