"""Generation from the command line: killed, stopped by a budget, and gone on with, it publishes the same rows."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Launcher, Running

QUESTIONS = 24
SMALL = (
    "until=generate",
    f"task.limit={QUESTIONS}",
    "tracking=jsonl",
    "runtime.progress=never",
    "generation=everything",
)


def start(command_lines: Launcher, folder: Path, *overrides: str) -> Running:
    folder.mkdir(exist_ok=True)
    return command_lines.start((*SMALL, *overrides), folder)


def finish(command_lines: Launcher, folder: Path, *overrides: str) -> tuple[int, str, dict[str, Any]]:
    """Run to the end; return exit code, what was said, and result.json of the newest run."""
    ended = start(command_lines, folder, *overrides).end(900)
    newest = max(folder.glob("runs/*/result.json"), key=lambda file: file.stat().st_mtime)
    return ended.code, ended.said, json.loads(newest.read_text())


def published(folder: Path) -> dict[str, bytes]:
    files = folder.glob("artifacts/generate-*/*/records.jsonl")
    return {file.parent.parent.name: file.read_bytes() for file in files}


def journal_lines(folder: Path) -> int:
    return sum(
        file.read_bytes().count(b"\n")
        for file in folder.glob("artifacts/journal/*/*.jsonl")
        if "ledger" not in file.name
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, command_lines: Launcher) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    code, said, result = finish(command_lines, folder)
    assert code == 0, said
    assert result["teacher"]["requests"] == result["teacher"]["asked_now"]["requests"] == QUESTIONS * 7
    return folder


def test_a_run_that_is_killed_over_and_over_asks_for_nothing_twice(
    tmp_path: Path, undisturbed: Path, command_lines: Launcher
) -> None:
    folder = tmp_path / "killed"
    for lines in (10, 50, 110):
        run = start(command_lines, folder)
        while journal_lines(folder) < lines and run.code() is None:
            time.sleep(0.01)
        run.send(signal.SIGKILL)
        assert run.end(900).code == -signal.SIGKILL
    before = journal_lines(folder)
    code, said, result = finish(command_lines, folder)
    assert code == 0, said
    assert published(folder) == published(undisturbed)
    assert journal_lines(folder) == QUESTIONS * 7
    assert result["teacher"]["asked_now"]["requests"] <= QUESTIONS * 7 - before


def test_a_spent_budget_is_an_exit_code_of_its_own_and_a_larger_one_goes_on(
    tmp_path: Path, undisturbed: Path, command_lines: Launcher
) -> None:
    code, said, result = finish(command_lines, tmp_path, "teacher.budget.requests=50")
    assert code == 3
    assert "teacher.budget.requests=50 of scripted is spent" in said
    assert (result["status"], result["teacher"]["asked_now"]["requests"]) == ("budget spent", 50)
    code, said, result = finish(command_lines, tmp_path, "teacher.budget.requests=168")
    assert code == 0, said
    assert result["teacher"]["asked_now"]["requests"] == 118
    assert result["teacher"]["ever"]["scripted"]["requests"] == 168
    assert result["teacher"]["discarded_tokens"] == 0
    assert published(tmp_path) == published(undisturbed)


def test_one_more_step_asks_nothing_again(tmp_path: Path, command_lines: Launcher) -> None:
    finish(command_lines, tmp_path, "generation=few_shot_rationale")
    code, said, result = finish(command_lines, tmp_path, "generation=critique_revision")
    assert code == 0, said
    assert result["teacher"]["asked_now"]["requests"] == 48
    assert result["stages"]["generate/few_shot_rationale"]["cached"]
