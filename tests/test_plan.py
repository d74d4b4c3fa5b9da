"""A plan tells what a run will ask, and asks nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.cli import main
from distillrun.plan import Plan, make_plan
from tests.end_to_end.runs import experiment, run_small

PRICED = ("teacher.price_per_million={input: 2.0, output: 8.0}", "until=generate")


def plan(store: Path, *overrides: str) -> Plan:
    return make_plan(experiment(store, *overrides))


def stage(made: Plan, name: str) -> Any:
    (found,) = [one for one in made.stages if one.name == name]
    return found


def test_what_is_planned_is_what_the_run_then_asks(tmp_path: Path) -> None:
    store = tmp_path / "store"
    overrides = (*PRICED, "generation=[few_shot_rationale,counterfactual]")
    before = plan(store, *overrides)
    assert not store.exists()
    teacher: Any = run_small(tmp_path / "run", *overrides, store=store)["teacher"]
    (planned,) = before.teachers
    assert planned.forecast.requests == teacher["requests"] == 24 * 5
    assert planned.forecast.prompt_tokens == teacher["prompt_tokens"]
    assert planned.forecast.most_completion_tokens == 24 * 5 * 160
    assert not planned.forecast.is_estimate
    cost = (2 * planned.forecast.prompt_tokens + 8 * 160 * 120) / 1e6
    assert planned.forecast.most_usd == pytest.approx(cost)


def test_after_the_run_everything_is_cached_and_nothing_remains(tmp_path: Path) -> None:
    run_small(tmp_path / "run", *PRICED)
    after = plan(tmp_path / "run" / "store", *PRICED)
    assert {one.state for one in after.stages} == {"cached"}
    assert after.teachers[0].forecast.requests == 0
    assert after.teachers[0].spent["requests"] == 24 * 7


def test_what_the_journal_holds_is_taken_off(tmp_path: Path) -> None:
    run_small(tmp_path / "run", *PRICED, "generation=few_shot_rationale")
    more = plan(tmp_path / "run" / "store", *PRICED, "task.limit=40", "generation=few_shot_rationale")
    step = stage(more, "generate/few_shot_rationale")
    assert (step.state, step.forecast.known, step.forecast.requests) == ("to do", 24, 16)
    assert step.forecast.completion_tokens < step.forecast.most_completion_tokens == 16 * 160


def test_steps_that_build_on_unwritten_texts_are_estimates(tmp_path: Path) -> None:
    made = plan(tmp_path / "store", *PRICED)
    assert not stage(made, "generate/few_shot_rationale").forecast.is_estimate
    assert stage(made, "generate/critique").forecast.is_estimate
    assert stage(made, "generate/revision").forecast.requests == 24
    assert "~24" in made.text()


def test_a_plan_beyond_the_budget_says_so(tmp_path: Path) -> None:
    within = plan(tmp_path / "store", *PRICED, "teacher.budget.requests=168")
    beyond = plan(tmp_path / "store", *PRICED, "teacher.budget.requests=167", "teacher.budget.usd=0.01")
    assert within.teachers[0].exceeded() == []
    assert beyond.teachers[0].exceeded() == ["budget.requests=167", "budget.usd=0.01"]
    assert "this may exceed budget.requests=167 and budget.usd=0.01" in beyond.text()


def test_training_and_evaluation_are_part_of_it(tmp_path: Path) -> None:
    names = [one.name for one in plan(tmp_path / "store").stages]
    assert names[-2:] == ["train", "evaluate/generated_answer"]
    run_small(tmp_path / "run")
    assert {one.state for one in plan(tmp_path / "run" / "store").stages} == {"cached"}


def test_the_command_prints_a_table_or_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "task.limit=5", "until=generate"]) == 0
    assert "generate/critique" in capsys.readouterr().out
    assert main(["plan", "--json", "task.limit=5", "until=generate"]) == 0
    assert json.loads(capsys.readouterr().out)["teachers"][0]["forecast"]["requests"] == 35
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-m", "training.seed=1,2"], "not of a sweep"),
        (["training.seed=1,2"], "not of a sweep"),
        (["teacher.flawed_shar=0.1"], "did you mean teacher.flawed_share"),
        (["generation=nothing"], "generation"),
    ],
)
def test_a_wrong_command_is_complained_about(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *arguments]) == 2
    assert message in capsys.readouterr().err
