"""Measures that ask judges, in a run: checked before it, kept after it, paid for once."""

import json
from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from tests.end_to_end.runs import experiment, run_small

JUDGED = ("evaluation=[generated_answer,judge,qualitative]", "evaluation.qualitative.ratings=judge")


def test_what_judges_say_is_kept_and_asked_once(tmp_path: Path) -> None:
    first = run_small(tmp_path / "one", *JUDGED, store=tmp_path / "store")
    asked = json.dumps(first["teacher"])
    journal = sorted((tmp_path / "store" / "journal").rglob("judging*"))
    assert journal
    before = [file.read_bytes() for file in journal]
    again = run_small(tmp_path / "two", *JUDGED, "evaluation.qualitative.slack=0.9", store=tmp_path / "store")
    assert [file.read_bytes() for file in journal] == before  # another slack asks nothing new
    assert again["stages"]["evaluate/judge"]["cached"] is True  # type: ignore[index,call-overload]
    assert again["stages"]["evaluate/qualitative"]["cached"] is False  # type: ignore[index,call-overload]
    assert "usd" in asked


def test_speakers_and_base_students_are_asked_and_leave_nothing_behind(tmp_path: Path) -> None:
    words = (
        "evaluation=[generated_answer,identity_consistency,response_similarity]",
        "evaluation.identity_consistency.facts={student: [It has no name.], base: [It has no name.]}",
        "evaluation.identity_consistency.sampling.max_new_tokens=4",
    )
    result = run_small(tmp_path / "one", *words, store=tmp_path / "store")
    scores = result["scores"]
    assert isinstance(scores, dict)
    assert {"test/identity/student/loose", "test/identity/base/unjudged", "test/similarity/rouge_l/gain"} <= set(scores)
    rows = [
        json.loads(line) for line in (tmp_path / "one/measures/identity_consistency.jsonl").read_text().splitlines()
    ]
    asked = {model: [row["prompt"] for row in rows if row["model"] == model] for model in ("student", "base")}
    assert asked["student"] == asked["base"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["evaluation=[generated_answer,qualitative]", "evaluation.qualitative.ratings=judge"],
            "evaluation.qualitative: it uses the results of judge; choose evaluation=[...,judge,qualitative]",
        ),
        (
            ["evaluation=[generated_answer,judge]", "evaluation.judge.same_family=refuse"],
            "evaluation.judge: the judge first (scripted) is of the family of scripted",
        ),
        (
            ["evaluation=[generated_answer,judge]", "teacher@evaluation.judge.judges.first=local"],
            "evaluation.judge: judges.first: teacher.checkpoint is not set",
        ),
        (
            ["evaluation=[generated_answer,judge]", "teacher@evaluation.judge.judges.first=choice_scorer"],
            "evaluation.judge: judges.first cannot write",
        ),
        (["evaluation=[generated_answer,identity_consistency]"], "facts names no model"),
    ],
)
def test_a_judge_that_cannot_or_may_not_judge_stops_the_run_before_it_begins(
    words: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        experiment(tmp_path, *words)
    assert message in str(refused.value)
