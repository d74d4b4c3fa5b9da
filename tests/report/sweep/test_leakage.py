"""Preference leakage on the page of a sweep."""

import json
from pathlib import Path

import pytest

from distillrun.report.page.block import Paragraph, Table
from distillrun.report.sweep.job import SweepJob
from distillrun.report.sweep.leakage import leakage_section


def job(folder: Path, teacher: str, ratings: dict[str, list[float]]) -> SweepJob:
    """Return a job whose student of one teacher was rated by judges, question by question."""
    own = folder / teacher
    (own / "measures").mkdir(parents=True)
    rows = [
        {"example_id": f"q{n}", "judge": "x", "judge_model": judge, "taught_by": [teacher], "quality": value}
        for judge, values in ratings.items()
        for n, value in enumerate(values)
    ]
    (own / "measures" / "judge.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return SweepJob(folder, own, {}, {})


def test_the_golden_win_rates_give_the_golden_score(tmp_path: Path) -> None:
    # the judge a prefers its own student on 6 of 10, the judge b its own on 6 of 10
    jobs = [
        job(tmp_path, "a", {"a": [5.0] * 6 + [1.0] * 4, "b": [5.0] * 4 + [1.0] * 6}),
        job(tmp_path, "b", {"a": [3.0] * 10, "b": [3.0] * 10}),
    ]
    section = leakage_section(jobs)
    assert section is not None
    table = section.blocks[1]
    assert isinstance(table, Table)
    # (0.6 - 0.5) / 0.5 for both
    (row,) = table.rows
    assert row[:-1] == ("a", "b", "1 and 1", "0.600", "0.400", "0.600", "0.400", "0.200")
    # two of the ten questions make all the difference, and a draw without both has none
    low, high = map(float, row[-1].split(" to "))
    assert low == 0 < high < 0.8
    text = section.blocks[0]
    assert isinstance(text, Paragraph)
    assert "nothing about other students of the same teachers" in text.text


@pytest.mark.parametrize("judges", [{"a": [3.0]}, {"a": [3.0], "c": [3.0]}])
def test_without_both_as_judges_nothing_is_said(judges: dict[str, list[float]], tmp_path: Path) -> None:
    assert leakage_section([job(tmp_path, "a", judges), job(tmp_path, "b", judges)]) is None


def test_students_of_one_teacher_say_nothing(tmp_path: Path) -> None:
    assert leakage_section([job(tmp_path, "a", {"a": [1.0], "b": [2.0]})]) is None
