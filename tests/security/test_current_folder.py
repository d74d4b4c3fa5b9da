"""A current folder that somebody else made, such as an unpacked archive, runs nothing by being worked in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from distillrun.process.environment import environment

MARKER = "marker"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one file, which git has to read again to see that it is as it was committed."""
    monkeypatch.chdir(tmp_path)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "someone")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "someone@example.org")
    git("init", "-q")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    git("add", "file")
    git("commit", "-qm", "one")
    os.utime(tmp_path / "file", (1, 1))
    return tmp_path


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()


def script(repository: Path) -> Path:
    program = repository / ".git" / "program"
    program.write_text(f"#!/bin/sh\ntouch {repository / MARKER}\ncat\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def plant(repository: Path, way: str) -> None:
    program = script(repository)
    if way == "hook":
        (repository / ".git" / "hooks").mkdir(exist_ok=True)
        program.rename(repository / ".git" / "hooks" / "post-index-change")
    elif way == "watcher":
        git("config", "core.fsmonitor", str(program))
    else:
        git("config", "filter.evil.clean", str(program))
        (repository / ".git" / "info").mkdir(exist_ok=True)
        (repository / ".git" / "info" / "attributes").write_text("* filter=evil\n", encoding="utf-8")


@pytest.mark.parametrize("way", ["hook", "watcher", "filter"])
def test_asking_for_the_commit_runs_nothing_of_the_repository(way: str, repository: Path) -> None:
    head = git("rev-parse", "HEAD")
    plant(repository, way)
    assert environment()["commit"] == (f"{head}-not-compared" if way == "filter" else head)
    assert not (repository / MARKER).exists()
    git("describe", "--always", "--dirty")
    assert (repository / MARKER).exists()  # what is planted there would be seen


def test_a_changed_file_is_told(repository: Path) -> None:
    head = git("rev-parse", "HEAD")
    assert environment()["commit"] == head
    (repository / "new").write_text("x", encoding="utf-8")
    assert environment()["commit"] == head
    (repository / "file").write_text("y", encoding="utf-8")
    assert environment()["commit"] == f"{head}-dirty"


def test_no_repository_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment()["commit"] is None


def test_jobs_import_nothing_from_the_current_folder(tmp_path: Path) -> None:
    """The sweep itself is started as the installed command is, which imports nothing from the current folder."""
    (tmp_path / "yaml.py").write_text(f"open({str(tmp_path / MARKER)!r}, 'w')\n", encoding="utf-8")
    words = ["-m", "until=load", "tracking=jsonl", "task.limit=4", "runtime.progress=never"]
    line = [sys.executable, "-P", "-c", "import sys; from distillrun.cli import main; sys.exit(main(sys.argv[1:]))"]
    ran = subprocess.run([*line, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not (tmp_path / MARKER).exists()
