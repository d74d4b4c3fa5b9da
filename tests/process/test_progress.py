"""What long work tells where there is no terminal."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from distillrun.config.schema import Progress
from distillrun.process import progress
from distillrun.process.progress import Bar, at_work
from tests.end_to_end.runs import run_small


def test_a_line_says_how_far_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bar = Bar("train", 5000, 200, Progress.never, "steps")
    now += 60
    bar.advance("loss 1.250", units=300)
    bar.note("dev accuracy 0.610")
    # 300 steps in 60 s; 4,500 remain at 5 a second
    expected = "train: 500 of 5,000 steps (10%), loss 1.250, 5.0/s, 15 min 0 s left, dev accuracy 0.610"
    assert bar.line() == expected
    for _ in range(progress.WINDOW + 1):  # slower from here on: the quick start is forgotten
        now += 60
        bar.advance("loss 1", units=6)
        slow = bar.line()
    assert "6.0/min" in slow
    assert bar.line().count("left") == 1


def test_nothing_is_divided_by_before_the_first_unit() -> None:
    assert (
        Bar("generate/critique", 8, 0, Progress.never, "rows").line() == "generate/critique: 0 of 8 rows (0%), 0.0/min"
    )


def test_lines_come_while_work_stands_still_and_never_where_they_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="distillrun")
    monkeypatch.setattr(progress, "EVERY_S", 0.02)
    with at_work("evaluate/las", Progress.never), Bar("a", 2, 0, Progress.never, "rows"):
        time.sleep(0.1)
    assert not caplog.messages
    with at_work("evaluate/las", Progress.auto), Bar("a", 2, 0, Progress.auto, "rows"):
        time.sleep(0.3)
    assert "evaluate/las: at work for 0.0 s" in caplog.messages
    assert "a: 0 of 2 rows (0%), 0.0/min" in caplog.messages


def test_a_run_without_a_terminal_tells_of_each_stage_on_standard_output_and_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.01)
    wait_for_lines(monkeypatch)
    run_small(tmp_path / "run", "runtime.progress=auto", "evaluation=[generated_answer,self_consistency]")
    told = capfd.readouterr()
    kept = (tmp_path / "run/run.log").read_text(encoding="utf-8")
    for stage in (
        "generate/few_shot_rationale",
        "train",
        "evaluate/generated_answer",
        "evaluate/self_consistency",
    ):
        lines = re.findall(rf"^{stage}: .*(?: of |at work for ).*$", told.out, re.MULTILINE)
        assert lines, stage
        assert lines[0] in kept
        assert lines[0] not in told.err
    assert re.search(r"^train: \d of 6 steps \(\d+%\), loss \d\.\d+, .*/(?:s|min), .* left", told.out, re.MULTILINE)
    assert re.search(r"^generate/\w+: .* rows .*, \d+ requests", told.out, re.MULTILINE)


def wait_for_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the work after each unit, and at its end, until a further line has come: tiny models are quick."""
    told = threading.Event()
    telling, advance = progress.telling, Bar.advance

    def wait() -> None:
        told.clear()
        assert told.wait(60)

    @contextmanager
    def slow_telling(line: Callable[[], str], shown: Progress) -> Iterator[None]:
        def tell() -> str:
            told.set()
            return line()

        with telling(tell, shown):
            yield
            wait()

    def slow_advance(bar: Bar, last: str = "", units: int = 1) -> None:
        advance(bar, last, units)
        wait()

    monkeypatch.setattr(progress, "telling", slow_telling)
    monkeypatch.setattr(Bar, "advance", slow_advance)
