"""A stage, and what makes it: in this process, or in one of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from distillrun.artifacts import Stage

STAGE = Stage(
    name="train",
    version=1,
    config={"training": {"learning_rate": 0.001, "max_steps": 50}, "objective": {"name": "multitask"}},
    upstream={"generate": "ab" * 32},
)


WORKER = """
import os, signal, sys, time
from pathlib import Path
from distillrun.artifacts import ArtifactStore, Stage

def make(work):
    with (work / "scratch" / "calls").open("a") as calls:
        calls.write("x")
    (work / "calls").write_text((work / "scratch" / "calls").read_text())
    {body}

ArtifactStore(Path(sys.argv[1])).get_or_make(Stage("train", 1, {{}}, {{}}), make)
"""


def writes(text: str = "weights") -> Callable[[Path], None]:
    def make(work: Path) -> None:
        (work / "student").mkdir(exist_ok=True)
        (work / "student" / "model.bin").write_text(text)

    return make


def never(work: Path) -> None:
    raise AssertionError(f"{work} should have been reused")


def start_worker(root: Path, body: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER.format(body=body), str(root)])


def raises(work: Path) -> None:
    raise RuntimeError(f"cannot make {work}")
