"""A plan tells what judges and teachers are asked about a student, and what it is held against."""

from pathlib import Path
from typing import Any

import pytest

from distillrun.journal.usage import Usage
from distillrun.planning.forecast import Forecast
from distillrun.planning.making import make_plan
from distillrun.planning.plan import Plan
from distillrun.planning.text import plan_text
from distillrun.task.everyday import Everyday
from tests.end_to_end.runs import experiment, ran, run_small

JUDGED = (
    "evaluation=[generated_answer,explanation_text,judge,qualitative,response_similarity,identity_consistency]",
    "evaluation.explanation_text.reference=initial",
    "evaluation.qualitative.ratings=judge",
    "+teacher@evaluation.response_similarity.judges.first=scripted",
    "evaluation.identity_consistency.facts={student: [It has no name.], teacher: [It is scripted.]}",
    "evaluation.identity_consistency.sampling.max_new_tokens=4",
)


def plan(store: Path, *words: str) -> Plan:
    return make_plan(experiment(store, *words))


def asked_in_run(folder: Path, store: Path, *words: str) -> dict[str, Usage]:
    return ran(experiment(store, *words), folder).asked


def forecast(made: Plan, name: str) -> Any:
    (found,) = [one for one in made.stages if one.name == name]
    return found.forecast


def test_what_is_asked_about_a_student_that_has_answered_is_counted_as_the_run_asks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Everyday, "parse", lambda self, text, example: 0)  # so small a student says nothing that counts
    store = tmp_path / "store"
    run_small(tmp_path / "before", store=store)
    made = plan(store, *JUDGED)
    asked = asked_in_run(tmp_path / "run", store, *JUDGED)
    for name in ("judge", "qualitative"):
        seen = forecast(made, f"evaluate/{name}")
        assert seen.expected.requests == asked[name].requests > 0, name
    assert forecast(made, "evaluate/judge").most.prompt_tokens == asked["judge"].prompt_tokens
    reference = forecast(made, "reference/few_shot_rationale")
    assert reference.most.requests == asked["reference/few_shot_rationale"].requests > 0
    assert plan(store, *JUDGED).total() == Forecast()


def test_before_there_is_a_student_its_texts_are_guessed_and_nothing_is_loaded(tmp_path: Path) -> None:
    made = plan(tmp_path / "store", *JUDGED)
    assert not (tmp_path / "store").exists()
    judge, similarity = forecast(made, "evaluate/judge"), forecast(made, "evaluate/response_similarity")
    assert judge.is_estimate
    assert judge.expected.requests * 2 == similarity.expected.requests > 0  # before the training, and after it
    text = plan_text(made)
    assert "evaluate/identity_consistency: the student's future texts are counted with 50 words a question" in text
    assert "scripted: at most" in text


def test_a_student_that_does_not_explain_gives_judges_nothing_to_rate(tmp_path: Path) -> None:
    made = plan(tmp_path / "store", "objective=label_only", "evaluation=[generated_answer,judge]")
    assert forecast(made, "evaluate/judge") == Forecast()


@pytest.mark.parametrize("objective", ["label_only", "multitask"])
def test_baselines_are_planned_as_they_are_made(objective: str, tmp_path: Path) -> None:
    words = ("evaluation.baselines=true", f"objective={objective}")
    before = plan(tmp_path / "store", *words)
    names = {one.name for one in before.stages}
    assert {"untrained/evaluate/generated_answer", "reference/choice_scores"} <= names
    assert ("label_only/train" in names) == (objective == "multitask")
    asked = asked_in_run(tmp_path / "run", tmp_path / "store", *words)
    assert forecast(before, "reference/choice_scores").most.requests == asked["reference/choice_scores"].requests
    after = plan(tmp_path / "store", *words)
    assert [one.state for one in after.stages] == ["cached"] * len(names)
    assert [one.fingerprint for one in after.stages] == [one.fingerprint for one in before.stages]


def test_what_two_parts_of_a_run_need_is_planned_once(tmp_path: Path) -> None:
    words = (
        "evaluation=[generated_answer,explanation_text,rationale_swap]",
        "evaluation.explanation_text.reference=initial",
    )
    names = [one.name for one in plan(tmp_path / "store", *words).stages]
    assert len(names) == len(set(names))
    assert {"reference/few_shot_rationale", "reference/counterfactual"} <= set(names)
