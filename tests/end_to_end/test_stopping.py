"""Runs and sweeps that are asked to end, as their users' terminals and schedulers ask: they save, say so, and go on."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end.runs import SMALL

LONG = (
    *(word for word in SMALL if "max_steps" not in word and "dev_new" not in word),
    "objective=label_only",
    "student=tiny_t5",
    "training.save_every=5",
    "training.eval_every=0",
    "training.keep=last",
    "until=train",
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_jobs")]


def wait_for(found: Callable[[], object], process: "subprocess.Popen[bytes]", seconds: float = 900) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def checkpoints(store: Path) -> list[Path]:
    return [path for path in store.glob("train/*.partial/scratch/checkpoint-*") if path.name[-1].isdigit()]


def started(*words: str, folder: Path) -> "subprocess.Popen[bytes]":
    printed = (folder / "printed").open("ab")
    return subprocess.Popen([sys.executable, "-m", "distillrun", *words], cwd=folder, stdout=printed, stderr=printed)


def test_a_run_whose_terminal_closes_saves_and_says_so(tmp_path: Path) -> None:
    """The kernel sends SIGHUP then, and whatever is printed afterwards fails."""
    ours, theirs = pty.openpty()
    words = [*LONG, "training.max_steps=5000", "runtime.progress=auto", f"paths.run={tmp_path / 'run'}"]
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY); "
            "from distillrun.cli import main; import sys; sys.exit(main())",
            *words,
        ],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)

    def trained() -> bool:
        with suppress(BlockingIOError):
            os.read(ours, 65536)
        return bool(checkpoints(tmp_path / "artifacts"))

    wait_for(trained, process)
    os.close(ours)
    assert process.wait(120) == 130
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "interrupted"
    log = (tmp_path / "run" / "run.log").read_text()
    assert "Traceback" not in log
    (checkpoint,) = checkpoints(tmp_path / "artifacts")
    assert json.loads((checkpoint / "progress.json").read_text())["step"] >= 5


def test_a_sweep_under_joblib_that_is_told_alone_lets_its_jobs_save_and_goes_on(tmp_path: Path) -> None:
    """A scheduler's SIGUSR1 reaches the sweep's own process; joblib would kill its workers and their jobs with them."""
    words = [
        "-m",
        *LONG,
        "hydra/launcher=joblib",
        "training.seed=1,2",
        "training.max_steps=40",
        "hydra.sweep.dir=own",
    ]
    process = started(*words, folder=tmp_path)
    wait_for(lambda: checkpoints(tmp_path / "artifacts"), process)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(120) == 130
    jobs = json.loads((tmp_path / "own" / "sweep.json").read_text())["jobs"]
    assert "interrupted" in {job["state"] for job in jobs}
    assert {job["state"] for job in jobs} <= {"interrupted", "skipped", "not started", "done"}
    told = (tmp_path / "printed").read_text()
    assert "job  state" in told
    assert "Traceback" not in told
    saved = {path.parent.parent.name: int(path.name[-8:]) for path in checkpoints(tmp_path / "artifacts")}
    assert started(*words, folder=tmp_path).wait(240) == 0
    logs = "".join(file.read_text() for file in (tmp_path / "own").glob("*/run.log"))
    for step in saved.values():
        assert f"resumed after step {step} of 40" in logs


def test_a_job_that_submitit_requeues_goes_on_from_where_it_was_told(tmp_path: Path) -> None:
    """submitit answers SIGUSR2, which SLURM sends before it takes a machine away, by queueing the job again."""
    words = ["-m", *LONG, "hydra/launcher=submitit_local", "training.max_steps=100", "hydra.sweep.dir=own"]
    process = started(*words, folder=tmp_path)
    wait_for(lambda: checkpoints(tmp_path / "artifacts"), process)
    (task,) = [number for number in _descendants(process.pid) if "submitit.core._submit" in _line_of(number)]
    os.kill(task, signal.SIGUSR2)
    assert process.wait(240) == 0
    (job,) = json.loads((tmp_path / "own" / "sweep.json").read_text())["jobs"]
    assert job["state"] == "done"
    submitit = "".join(file.read_text() for file in (tmp_path / "own" / ".submitit").rglob("*.out"))
    assert "Requeued job" in submitit
    assert "interrupted with exit code 130" in submitit
    (log,) = (tmp_path / "own").glob("0*/run.log")
    assert "train: resumed after step" in log.read_text()


def test_a_job_that_ends_before_it_has_a_folder_tells_its_sweep_why(tmp_path: Path) -> None:
    words = [
        "-m",
        "student=warm_started",
        "student.checkpoint=nowhere/at_all",
        "training.seed=1",
        "hydra.sweep.dir=own",
    ]
    assert started(*words, "tracking=jsonl", folder=tmp_path).wait(120) == 1
    (job,) = json.loads((tmp_path / "own" / "sweep.json").read_text())["jobs"]
    assert (job["state"], job["exit_code"]) == ("refused", 2)
    assert "student.checkpoint=nowhere/at_all" in job["why"]


def _descendants(parent: int) -> list[int]:
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    direct = [int(number) for number in children.stdout.split()]
    return [*direct, *(number for child in direct for number in _descendants(child))]


def _line_of(number: int) -> str:
    return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
