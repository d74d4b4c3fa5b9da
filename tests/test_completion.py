"""Words are completed, as lists and by bash itself on a terminal."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from select import select
from time import monotonic

import pytest

from distillrun.cli import PARSERS, main
from distillrun.commands.completion import INSTALL, completions
from tests.structure.disk import CONF


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("distillrun pr", ["predict "]),
        ("distillrun stu", ["study ", "student.", "student="]),
        ("distillrun store ", ["list ", "prune "]),
        ("distillrun store prune --d", ["--dry-run "]),
        ("distillrun study analyse --outliers ", ["none ", "iqr "]),
        ("distillrun study des", ["design "]),
        ("distillrun runs --sort s", ["score ", "status ", "student "]),
        ("distillrun predict ", []),  # a folder, which shells know
        ("distillrun plan --js", ["--json "]),
        ("distillrun plan tracking=", ["tracking=jsonl ", "tracking=mlflow ", "tracking=wandb "]),
        ("distillrun -m objective=taid objective.mom", ["objective.momentum="]),
        ("distillrun objective=taid plan", []),
        ("distillrun --vers", ["--version "]),
        ("distillrun --exp", []),  # refused, so not offered
        ("distillrun -m objective=label_only,multitask_", ["objective=label_only,multitask_counterfactual"]),
        ("distillrun 'evaluation=[cost,cali", ["evaluation=[cost,calibration"]),
        ("distillrun until=", ["until=report "]),
        ("distillrun hydra/launcher=subm", ["hydra/launcher=submitit_local ", "hydra/launcher=submitit_slurm "]),
    ],
)
def test_a_word_is_completed(line: str, expected: list[str]) -> None:
    assert completions(line, PARSERS) == expected


def test_every_option_of_a_group_is_offered() -> None:
    found = completions("distillrun objective=", PARSERS)
    assert found == sorted(f"objective={path.stem} " for path in (CONF / "objective").glob("*.yaml"))


def test_options_of_the_users_own_are_offered(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "mine.yaml").write_text("seed: 0\n")
    assert completions(f"distillrun --config-dir {tmp_path} task=mi", PARSERS) == ["task=mine "]


def test_a_wrong_word_before_it_ends_nothing() -> None:
    assert completions("distillrun no.such=1 objective=tai", PARSERS) == ["objective=taid "]
    assert completions("distillrun objective=nowhere training.max_s", PARSERS) == ["training.max_steps="]


@pytest.mark.parametrize("words", [[], ["install=csh"], ["install"], ["install=bash", "query=bash"]])
def test_another_shell_is_named(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--shell-completion", *words]) == 2
    assert "write install=SHELL or uninstall=SHELL, with bash, zsh or fish" in capfd.readouterr().err


@pytest.mark.parametrize("shell", INSTALL)
def test_the_script_is_one_that_its_shell_reads(shell: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--shell-completion", f"install={shell}"]) == 0
    script = capfd.readouterr().out
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_on_a_terminal(tmp_path: Path) -> None:
    """Type into a real bash: TAB, and what then stands on the line is what the command gets."""
    program = tmp_path / "bin" / "distillrun"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m distillrun "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    main_end, terminal = pty.openpty()
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(CONF.parent),
        "TERM": "dumb",
        "INPUTRC": "/dev/null",
    }
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        cwd=tmp_path,
        start_new_session=True,
    ) as shell:
        os.close(terminal)
        try:
            os.write(main_end, b"PS1=; eval \"$(distillrun --shell-completion install=bash)\"; echo rea''dy\n")
            read_until(main_end, b"ready\r\n")
            for typed, whole in (
                (b"distillrun sto\t", b"distillrun store "),
                (b"distillrun objective=tai\t", b"distillrun objective=taid "),
                (b"distillrun store pr\t", b"distillrun store prune "),
            ):
                os.write(main_end, typed)
                read_until(main_end, whole)
                os.write(main_end, b"\x15")  # take the line back
        finally:
            shell.kill()
    os.close(main_end)


def read_until(terminal: int, expected: bytes, seconds: float = 120) -> None:
    """Read what a terminal shows until something stands there."""
    shown, end = b"", monotonic() + seconds
    while expected not in shown:
        ready, _, _ = select([terminal], [], [], max(0.0, end - monotonic()))
        assert ready, f"{expected!r} never came, but {shown!r}"
        shown += os.read(terminal, 4096)
