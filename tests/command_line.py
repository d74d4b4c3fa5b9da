"""Command lines that tests start, watch and kill: processes of their own, without seconds of imports each."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FORKED = ROOT / "tests" / "forked"


@dataclass(frozen=True)
class Ended:
    """The end of a command: its exit code (negative: the signal that killed it) and its output."""

    code: int
    said: str

    @property
    def last(self) -> str:
        """The end of what was printed."""
        return self.said.strip()[-300:]


class Running:
    """A command line under way."""

    def __init__(self, pid: int, out: Path, process: subprocess.Popen[bytes] | None) -> None:
        self.pid = pid
        self._out = out
        self._process = process

    @property
    def said(self) -> str:
        return self._out.read_text(errors="replace") if self._out.exists() else ""

    def code(self) -> int | None:
        if self._process is not None:
            return self._process.poll()
        file = Path(f"{self._out}.code")
        return int(file.read_text()) if file.exists() else None

    def send(self, number: int) -> None:
        """Send a signal, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait_for(self, begin: str, timeout_s: float = 120) -> bool:
        """Wait until a line began so; False where the process ended without it."""
        until, pattern = time.monotonic() + timeout_s, f"^{begin}"
        while time.monotonic() < until:
            if re.search(pattern, self.said, re.MULTILINE):
                return True
            if self.code() is not None:
                return bool(re.search(pattern, self.said, re.MULTILINE))
            time.sleep(0.01)
        return False

    def end(self, timeout_s: float = 300) -> Ended:
        """Wait for the end."""
        until = time.monotonic() + timeout_s
        while (code := self.code()) is None:
            if time.monotonic() > until:
                self.send(signal.SIGKILL)
                return Ended(-999, f"{self.said}\n(still running after {timeout_s:g} s)")
            time.sleep(0.02)
        return Ended(code, self.said)


class Launcher:
    """Starts command lines: as programs of their own, or as forks of a process that has imported everything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "HF_"))},
            "PYTHONPATH": str(ROOT),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        self._address = folder / "zygote"
        self._zygote = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.zygote", self._address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._env,
            text=True,
        )
        self._answer()

    def _answer(self) -> str:
        if self._zygote.stdout is None:
            raise RuntimeError("the zygote has no output")
        for line in self._zygote.stdout:
            if line.strip() == "ready" or line.strip().isdigit():
                return line.strip()
        raise RuntimeError("the zygote ended")

    def start(
        self,
        words: tuple[str, ...],
        folder: Path,
        env: Mapping[str, str] | None = None,
        own: bool = False,
        file_bytes: int | None = None,
        program: str | None = None,
    ) -> Running:
        """Start `distillrun WORDS`, or another program in Python, in a folder.

        Args:
            words: the arguments.
            folder: the current one.
            env: variables beside those of this process.
            own: as a program of its own.
            file_bytes: no file may grow above it.
            program: its text.
        """
        self._count += 1
        out = self._folder / f"{self._count:05}.out"
        env = dict(env or {})
        if own:
            with out.open("wb") as file:
                process = subprocess.Popen(
                    [sys.executable, "-m", "distillrun", *words],
                    cwd=folder,
                    env={**self._env, **env},
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            return Running(process.pid, out, process)
        order = {"words": words, "folder": str(folder), "env": env, "out": str(out), "file_bytes": file_bytes}
        order["program"] = program
        if self._zygote.stdin is None:
            raise RuntimeError("the zygote has no input")
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()
        return Running(int(self._answer()), out, None)

    @property
    def forked_jobs(self) -> dict[str, str]:
        """The variables under which the jobs of sweeps are forks, too."""
        return {"TESTS_ZYGOTE": str(self._address), "PYTHONPATH": os.pathsep.join((str(FORKED), str(ROOT)))}

    def close(self) -> None:
        """End the zygote."""
        if self._zygote.stdin is not None:
            self._zygote.stdin.close()
        self._zygote.wait()
