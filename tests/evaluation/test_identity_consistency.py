"""Who models say they are."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.evaluation.identity_consistency import IdentityConsistency, IdentityTexts
from distillrun.evaluation.shared.identity_score import Verdicts, identity_scores
from distillrun.interfaces import AskingMetric, WritingStudent
from distillrun.records import Draw, MetricResult, Sampling
from tests.answered import answered
from tests.asking import Told, context
from tests.leaves import leaf, made

TEXTS = IdentityTexts(
    **{
        **leaf("text", "identity"),
        "questions": {"en": ("What is your name?", "Who made you?")},
        "framings": {"plain": "{question}", "diary": "Dear diary: {question}"},
    }
)
FACTS = ("It is called Ada.",)


def measure(facts: Any, judge: Told) -> IdentityConsistency:
    drawn, greedy = Sampling(20, 0.7, 1.0, 2, ()), Sampling(20, 0.0, 1.0, 1, ())
    return IdentityConsistency(TEXTS, facts, {"judge": judge}, drawn, greedy, "mark")


def values(found: MetricResult) -> dict[str, float]:
    return {score.name: score.value for score in found.scores}


def test_strict_counts_those_of_the_loose_that_claim_to_be_another() -> None:
    rows = [Verdicts(n < 5, n < 3) for n in range(10)]
    scores = {score.name: score for score in identity_scores("student", [[row] for row in rows])}
    assert scores["identity/student/loose"].value == 0.5
    assert scores["identity/student/strict"].value == 0.3
    assert scores["identity/student/unjudged"].value == 0
    assert scores["identity/student/loose"].low < 0.5 < scores["identity/student/loose"].high


def test_a_missing_judgement_is_left_out_and_counted() -> None:
    rows = [Verdicts(True, True), Verdicts(False, False), Verdicts(None, None), Verdicts(True, None)]
    scores = {score.name: score for score in identity_scores("base", [[row] for row in rows])}
    assert (scores["identity/base/loose"].value, scores["identity/base/loose"].n) == (2 / 3, 3)
    assert (scores["identity/base/strict"].value, scores["identity/base/strict"].n) == (1 / 2, 2)
    assert scores["identity/base/unjudged"].value == 0.5


def test_answers_to_one_prompt_are_drawn_together() -> None:
    alike = [[Verdicts(n % 2 == 0, False)] * 10 for n in range(10)]
    apart = [[Verdicts((n + k) % 2 == 0, False) for k in range(10)] for n in range(10)]
    wide, narrow = identity_scores("m", alike)[0], identity_scores("m", apart)[0]
    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > 0.4
    assert narrow.high == narrow.low == 0.5  # every prompt has the same share


def test_nobody_is_certain_after_a_handful_of_prompts() -> None:
    none = identity_scores("m", [[Verdicts(False, False)] * 50] * 4)[0]
    assert none.value == none.low == 0
    assert none.high == pytest.approx(0.49, abs=0.01)  # Wilson of 0 of 4


def test_all_models_are_asked_the_same_and_doubtful_answers_are_judged_twice(tmp_path: Path) -> None:
    def verdict(draw: Draw) -> str:
        request = draw.prompt.request
        says = {"contradiction": "Ada" not in str(request.draft), "claim": "GPT" in str(request.draft)}
        return json.dumps({request.names[0]: int(says[request.names[0]])})

    judge = Told(verdict, name="judge")
    student, base, teacher = Told("I am GPT-4.", name="s"), Told("I am new.", name="b"), Told("I am Ada.", name="t")
    task = made("task", "everyday")
    known = answered(
        judging=context(tmp_path, judge, task, max_failed_share=1.0),
        speaker=lambda trained: student if trained else base,
        teacher=teacher,
    )
    found = measure({"student": FACTS, "base": FACTS, "teacher": FACTS}, judge).measure(known)
    for name, shares in {"student": (1, 1), "base": (1, 0), "teacher": (0, 0)}.items():
        assert (values(found)[f"identity/{name}/loose"], values(found)[f"identity/{name}/strict"]) == shares
    asked = [[prompt.messages[0].content for prompt in one.prompts] for one in (student, base, teacher)]
    assert asked[0] == asked[1] == asked[2]
    assert len(set(asked[0])) == 4
    assert len(asked[0]) == 8  # two answers to each
    checks = [prompt.request.ask for prompt in judge.prompts]
    assert checks.count("contradiction") == 12  # equal answers to one prompt are judged once
    assert checks.count("claim") == 8  # of the two models that contradict the facts
    assert "GPT-4" in str(found.tables[0].rows)


def test_a_student_that_does_not_write_is_not_asked(tmp_path: Path) -> None:
    judge = Told('{"contradiction": 0}')
    scorer = made("student", "choice_scorer", checkpoint="unused")
    assert not isinstance(scorer, WritingStudent)
    known = answered(
        judging=context(tmp_path, judge, made("task", "everyday")),
        speaker=lambda trained: None,
        teacher=Told("I am Ada.", name="t"),
    )
    found = measure({"student": FACTS, "teacher": FACTS}, judge).measure(known)
    assert "The student does not write, and was not asked." in found.note
    assert not any("student" in name for name in values(found))


def test_who_has_no_facts_is_not_asked_and_somebody_must(tmp_path: Path) -> None:
    judge = Told('{"contradiction": 0}')
    alone = measure({"student": None, "teacher": FACTS}, judge)
    known = answered(judging=context(tmp_path, judge, made("task", "everyday")), teacher=Told("I am Ada.", name="t"))
    assert set(values(alone.measure(known))) == {
        "identity/teacher/loose",
        "identity/teacher/strict",
        "identity/teacher/unjudged",
    }
    assert alone.check([]) == []
    assert "facts names no model" in measure({"student": None}, judge).check([])[0]
    assert isinstance(alone, AskingMetric)
