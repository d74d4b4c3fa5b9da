"""Judges of explanations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.evaluation.judge import Judge
from distillrun.evaluation.shared.rubric import Rubric
from distillrun.interfaces import AskingMetric, MetricContext
from distillrun.records import Draw, Example, MetricResult, Prediction, Rationale, Sampling, TeacherRecord
from tests.answered import answered
from tests.asking import Told, context
from tests.leaves import leaf, made

EXAMPLES = [Example(f"q{n}", f"Question {n}?", ("bank", "river"), 0) for n in range(6)]
PREDICTIONS = [
    Prediction("q0", "bank", "Money is kept in a bank.", 0),
    Prediction("q1", "river", "A river is wet.", 1),
    Prediction("q2", "bank", "", 0),
    Prediction("q3", "?", "I do not know.", None),
    Prediction("q4", "bank", "A bank is safe.", 0),
    Prediction("q5", "bank", "Banks lend money.", 0),
]
RUBRIC = Rubric(**{**leaf("text", "constructs"), "statements": {"plausibility": "likely", "completeness": "whole"}})


def judge(same_family: Any = "mark", **judges: Told) -> Judge:
    return Judge("generated_answer", RUBRIC, judges, 100, 0, same_family, Sampling(20, 0.0, 1.0, 1, ()))


def student(store: Path, **known: Any) -> MetricContext:
    task = made("task", "multiple_choice", folder="unused")
    usual = {"examples": EXAMPLES, "predictions": PREDICTIONS, "task": task}
    return answered(judging=context(store, Told(""), task, max_failed_share=1.0), **{**usual, **known})


def ratings(plausibility: Callable[[str], int]) -> Callable[[Draw], str]:
    def reply(draw: Draw) -> str:
        return json.dumps({"plausibility": plausibility(draw.prompt.request.draft or ""), "completeness": 2})

    return reply


def values(found: MetricResult) -> dict[str, float]:
    return {score.name: score.value for score in found.scores}


def test_it_asks_judges() -> None:
    assert isinstance(judge(one=Told("")), AskingMetric)


def test_each_explanation_counts_once_with_the_mean_of_its_judges(tmp_path: Path) -> None:
    kind, strict = (
        Told(ratings(lambda text: 5 if "money" in text.casefold() else 3), name="kind"),
        Told(ratings(lambda text: 1), name="strict"),
    )
    found = judge(kind=kind, strict=strict).measure(student(tmp_path))
    assert len(kind.draws) == 4  # neither the unexplained nor the unparsed answer
    assert values(found)["judge/plausibility"] == pytest.approx((3 + 2 + 2 + 3) / 4)
    assert values(found)["judge/completeness"] == 2
    assert values(found)["judge/quality"] == pytest.approx((2.5 + 2) / 2)
    assert values(found)["judge/unrated"] == 0
    assert {row["judge"] for row in found.rows} == {"kind", "strict"}
    assert len(found.rows) == 8
    assert found.rows[0]["rationale_length"] == 6


def test_agreement_is_told_where_there_are_two(tmp_path: Path) -> None:
    rate = ratings(lambda text: len(text) % 5 + 1)
    alike = judge(a=Told(rate, name="a"), b=Told(rate, name="b")).measure(student(tmp_path))
    assert values(alike)["judge/alpha/plausibility"] == 1
    assert "judge/alpha/completeness" not in values(alike)  # all ratings are 2: nothing to agree on
    alone = judge(a=Told(rate, name="a")).measure(student(tmp_path))
    assert not any(name.startswith("judge/alpha") for name in values(alone))


def test_a_judge_is_never_told_whose_explanation_it_is_and_the_order_varies(tmp_path: Path) -> None:
    one = Told(ratings(lambda text: 3))
    judge(one=one).measure(student(tmp_path))
    orders = {prompt.request.names for prompt in one.prompts}
    assert {frozenset(order) for order in orders} == {frozenset({"plausibility", "completeness"})}
    assert len(orders) == 2
    for prompt in one.prompts:
        first, second = prompt.request.names
        text = prompt.messages[-1].content
        assert text.index(f"{first}:") < text.index(f"{second}:")
        assert prompt.request.draft
        assert prompt.request.draft in text
        assert "student" not in text
        assert "tiny" not in text


def test_unreadable_replies_are_counted_and_never_rated(tmp_path: Path) -> None:
    found = judge(one=Told("No numbers from me.")).measure(student(tmp_path))
    assert values(found) == {"judge/unrated": 1}
    assert all("plausibility" not in row for row in found.rows)


def test_a_student_without_explanations_is_not_rated(tmp_path: Path) -> None:
    silent = [Prediction(example.id, "bank", " ", 0) for example in EXAMPLES]
    found = judge(one=Told("")).measure(student(tmp_path, predictions=silent))
    assert "explains none of its answers" in found.note
    assert found.scores == ()


def test_kin_are_marked_or_refused(tmp_path: Path) -> None:
    taught = [TeacherRecord("q0", (Rationale("…", "…", 0, "factual", "initial", teacher="Llama-2-13b"),), {})]
    kin = Told(ratings(lambda text: 3), name="llama-3-8b")
    found = judge(one=kin).measure(student(tmp_path, records=taught))
    assert "Preference leakage: the judge one (llama-3-8b) is of the family of Llama-2-13b" in found.note
    assert judge(one=kin).check(["Llama-2-13b"]) == []
    assert "2502.01534" in judge("refuse", one=kin).check(["Llama-2-13b"])[0]
    assert judge("refuse", one=kin).check(["gpt-4o"]) == []
    assert judge(one=kin).measure(student(tmp_path, records=None)).note == ""


def test_a_wrong_rubric_is_refused_when_it_is_read() -> None:
    wrong = Rubric(**{**leaf("text", "constructs"), "ask": "{rationale}"})
    with pytest.raises(ConfigError, match=r"rubric\.ask='\{rationale\}' names an unknown field"):
        wrong.check(("question", "explanation"), "rubric")
    with pytest.raises(ConfigError, match=r"rubric\.statements is empty"):
        Rubric("", "{statements}", {}, "").check((), "rubric")
