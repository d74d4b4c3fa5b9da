"""A small experiment that goes through every stage; its teacher is a server here that counts what it is asked."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.loopback import Answer, Answering, Loopback, Seen, told, written

ROOT = Path(__file__).parents[2]
TRACEBACK = "Traceback (most recent call last)"
STAGES = (
    "generate/few_shot_rationale",
    "generate/critique",
    "generate/revision",
    "generate/counterfactual",
    "read_logits",
    "train",
    "evaluate/generated_answer",
)
SIZES = (
    "student=tiny_qwen",
    "student.layers=1",
    "student.width=32",
    "student.heads=2",
    "student.feed_forward_width=32",
)
FEW = (
    "task=everyday",
    "task.limit=12",
    "training.examples_per_step=4",
    "training.warmup_steps=1",
    "training.dev_new_tokens=4",
    "evaluation.generated_answer.answer_tokens=4",
    "evaluation.generated_answer.explanation_tokens=4",
    "tracking=jsonl",
    "runtime.device=cpu",
    "runtime.threads=1",
)
LATENCY_S = 0.02


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
        self._zygote = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
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
    ) -> Running:
        """Start `distillrun WORDS` in a folder; `own` as a program of its own. No file may grow above `file_bytes`."""
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
        if self._zygote.stdin is None:
            raise RuntimeError("the zygote has no input")
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()
        return Running(int(self._answer()), out, None)

    def close(self) -> None:
        """End the zygote."""
        self._zygote.kill()
        self._zygote.wait()


class Server:
    """One server for all worlds, so that a teacher is the same in each; how it answers can be changed."""

    def __init__(self) -> None:
        self.answering: Answering = answered
        self.loopback = Loopback(lambda seen: self.answering(seen))
        self.loopback.__enter__()

    def close(self) -> None:
        self.loopback.__exit__(None, None, None)


class World:
    """A folder with a store and runs. `asked` is what the server was asked since the world was made."""

    def __init__(self, folder: Path, launcher: Launcher, server: Server, teacher: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.launcher = launcher
        self.server = server
        self.teacher = teacher
        self._first = len(server.loopback.asked)

    @property
    def asked(self) -> list[Seen]:
        return self.server.loopback.asked[self._first :]

    @property
    def asking(self) -> tuple[str, ...]:
        """The settings of a teacher behind the server."""
        return (
            "teacher=api",
            f"teacher.base_url={self.server.loopback.url}",
            "teacher.model=m",
            "teacher.api_key_env=null",
            "teacher.concurrency=4",
            "teacher.revision=one",
        )

    @property
    def plain(self) -> tuple[str, ...]:
        """The settings of an experiment that may be anything: small, with the teacher behind the server."""
        return (*FEW, *SIZES, *self.asking, "paths.store=store", "paths.runs=runs")

    @property
    def words(self) -> tuple[str, ...]:
        """The command line of the whole experiment."""
        return (
            *self.plain,
            "generation=everything",
            "objective=forward_kl",
            "objective@objective.texts=multitask_counterfactual",
            "objective.texts.rationale=revised",
            "teacher@logit_teacher=local",
            f"logit_teacher.checkpoint={self.teacher}",
            "training.max_steps=20",
            "training.save_every=2",
            "training.eval_every=10",
        )

    def start(self, *words: str, **how: object) -> Running:
        """Start the experiment, with more settings."""
        return self.launcher.start((*self.words, *words), self.folder, **how)  # type: ignore[arg-type]

    def run(self, *words: str, **how: object) -> Ended:
        """Run the experiment, with more settings, to its end."""
        return self.start(*words, **how).end()

    def run_plain(self, *words: str, **how: object) -> Ended:
        """Run another experiment to its end."""
        return self.launcher.start((*self.plain, *words), self.folder, **how).end()  # type: ignore[arg-type]

    def take_from(self, other: "World") -> None:
        """Copy the store and the runs of another world."""
        for part in ("store", "runs"):
            shutil.copytree(other.folder / part, self.folder / part, symlinks=True)

    def asked_again(self) -> int:
        """Return how many requests were sent more than once."""
        counts = Counter(json.dumps(seen.body, sort_keys=True) for seen in self.asked)
        return sum(count - 1 for count in counts.values())

    def results(self) -> dict[str, str]:
        """Return the digest of every file that has to be the same whatever happened before."""
        found = {}
        for pattern in (
            "train/*/student/*",
            "generate-*/*/records.jsonl",
            "read_logits/*/parts/*",
            "evaluate-*/*/*.jsonl",
        ):
            for file in sorted(self.folder.glob(f"store/{pattern}")):
                if "." in file.relative_to(self.folder / "store").parts[1]:
                    continue  # set aside
                found[str(file.relative_to(self.folder))] = hashlib.sha256(file.read_bytes()).hexdigest()
        runs = sorted(self.folder.glob("runs/*/predictions.jsonl"), key=lambda file: file.stat().st_mtime)
        if runs:
            found["predictions"] = hashlib.sha256(runs[-1].read_bytes()).hexdigest()
        return {name: digest for name, digest in found.items() if not name.endswith("README.md")}


def answered(seen: Seen) -> Answer:
    """Answer as a teacher that takes its time; the text depends on the request alone."""
    return Answer(written(told(seen)), delay_s=LATENCY_S)


def train_teacher(folder: Path, launcher: Launcher) -> Path:
    """Train the white-box teacher for a few steps and return its folder."""
    folder.mkdir()
    words = (*FEW, *SIZES, "objective=label_only", "until=train", "training.max_steps=3", "training.seed=9")
    ended = launcher.start((*words, "paths.store=store", "paths.runs=runs"), folder).end()
    made = next(iter(folder.glob("store/train/*/student")), None)
    if ended.code or made is None:
        raise RuntimeError(f"the white-box teacher was not trained:\n{ended.said}")
    return made
