"""A PID file, in place of a lock where the file system has none: one process at a time spends under a cap."""

import json
import os
import platform
import time
import uuid
from contextlib import suppress
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.journal.process_lock import text_of

_TRIES, _TRY_S = 5, 0.05
"""How often, and after how many seconds, a file is read again that may just be being written."""


class PidFile:
    """A file that names the one process that spends; after a kill it stays, and the next process removes it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def claim(self, reason: str) -> None:
        """Write the file. Raises ConfigError where another process that lives, or may live, has written it."""
        while True:
            try:
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                owner = self._owner()
                if owner == _this_process():
                    return
                if owner is not None and _has_ended(owner):
                    self._take_away(owner)
                    continue
                who = f"process {owner['pid']} on {owner['host']}" if owner else "another process"
                raise ConfigError(
                    f"teacher.budget: {who} is spending from {self._path.parent}, and a second process could exceed the"
                    f" cap, since {reason}; wait until it ends, or put paths.store on a local disk. If it has ended,"
                    f" delete {self._path}"
                ) from None
            with os.fdopen(descriptor, "w") as file:
                json.dump(_this_process(), file)
            return

    def release(self) -> None:
        """Remove the own file."""
        if self._owner() == _this_process():
            self._path.unlink(missing_ok=True)

    def _owner(self) -> dict[str, str] | None:
        """Return who has written the file; None where that cannot be read."""
        for _ in range(_TRIES):  # it may just be being written
            try:
                found = json.loads(self._path.read_bytes())
            except (OSError, ValueError):
                time.sleep(_TRY_S)
            else:
                return found if isinstance(found, dict) and found.keys() == _this_process().keys() else None
        return None

    def _take_away(self, judged: dict[str, str]) -> None:
        """Remove the file of a process that has ended, unless another one has written its own since."""
        aside = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex}")
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return
        if PidFile(aside)._owner() != judged:
            with suppress(OSError):
                os.link(aside, self._path)
        aside.unlink(missing_ok=True)


def _this_process() -> dict[str, str]:
    """Return what tells this process from any other: numbers of processes repeat after a boot and in containers."""
    return {
        "host": platform.node(),
        "boot": text_of("/proc/sys/kernel/random/boot_id") + " " + _link("/proc/self/ns/pid"),
        "pid": str(os.getpid()),
        "started": _started(os.getpid()),
    }


def _has_ended(owner: dict[str, str]) -> bool:
    """Return whether a process is known to have ended; of one on another machine, that cannot be known."""
    this = _this_process()
    if owner["host"] != this["host"]:
        return False
    if owner["boot"].split(" ")[0] != this["boot"].split(" ")[0]:
        return True
    if owner["boot"] != this["boot"]:
        return False
    try:
        os.kill(int(owner["pid"]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, ValueError):
        return False
    return _started(int(owner["pid"])) != owner["started"]


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty where it does not say."""
    fields = text_of(f"/proc/{pid}/stat").rpartition(") ")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
