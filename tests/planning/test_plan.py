"""A plan tells what a run will ask, and asks nothing."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distillrun.cli import main
from distillrun.config.schema import GenerationConfig
from distillrun.errors import BudgetSpentError, ConfigError
from distillrun.pipeline.experiment import Experiment
from distillrun.planning.counting import JournalSnapshot, PlanningContext
from distillrun.planning.forecast import Forecast
from distillrun.planning.making import make_plan
from distillrun.planning.plan import Plan
from distillrun.planning.text import plan_text
from distillrun.records import Budget, Example, Message, Price, Prompt, Request, Sampling, TeacherRecord
from distillrun.teacher.ensemble import Ensemble
from tests import leaves
from tests.asking import Told, context
from tests.end_to_end.runs import experiment, run_small
from tests.leaves import EXAMPLE

PRICED = ("teacher.price_per_million={input: 2.0, output: 8.0}", "until=generate")
TASK: Any = leaves.made("task", "everyday")
DRAWN = Sampling(10, 0.7, 1.0, 1, ())


def plan(store: Path, *overrides: str) -> Plan:
    return make_plan(experiment(store, *overrides))


def stage(made: Plan, name: str) -> Any:
    (found,) = [one for one in made.stages if one.name == name]
    return found


def forecast(made: Plan, step: str) -> Any:
    return stage(made, f"generate/{step}").forecast


def prompt(text: str) -> Prompt:
    return Prompt((Message("user", text),), Request("rationale", EXAMPLE, 1))


def planning(store: Path, teacher: Any, is_usable: bool = True, **settings: Any) -> PlanningContext:
    generation = GenerationConfig(**{"seed": 5, **settings})
    return PlanningContext(JournalSnapshot(store, "step"), TASK, teacher, (), generation, is_usable, False)


def test_what_is_planned_is_what_the_run_then_asks(tmp_path: Path) -> None:
    store = tmp_path / "store"
    overrides = (*PRICED, "generation=[few_shot_rationale,counterfactual]")
    before = plan(store, *overrides)
    assert not store.exists()
    teacher: Any = run_small(tmp_path / "run", *overrides, store=store)["teacher"]
    (planned,) = before.teachers
    most = planned.forecast.most
    assert most.requests == planned.forecast.expected.requests == teacher["requests"] == 24 * 5
    assert most.prompt_tokens == teacher["prompt_tokens"]
    assert most.completion_tokens == 24 * 5 * 160
    assert not planned.forecast.is_estimate
    assert most.usd == pytest.approx((2 * most.prompt_tokens + 8 * 160 * 120) / 1e6)
    assert forecast(before, "counterfactual").expected.requests == 24 * 4


@pytest.mark.parametrize("steps", ["[choice_scores]", "[contrastive]", "[self_consistency]"])
def test_every_kind_of_request_is_counted_as_the_run_does(steps: str, tmp_path: Path) -> None:
    before = plan(tmp_path / "store", *PRICED, f"generation={steps}").total()
    teacher: Any = run_small(tmp_path / "run", *PRICED, f"generation={steps}")["teacher"]
    assert before.expected.requests == before.most.requests == teacher["requests"]
    assert before.expected.prompt_tokens == teacher["prompt_tokens"]


def test_after_the_run_everything_is_cached_and_nothing_remains(tmp_path: Path) -> None:
    run_small(tmp_path / "run", *PRICED)
    after = plan(tmp_path / "run" / "store", *PRICED)
    assert {one.state for one in after.stages} == {"cached"}
    assert after.total() == Forecast()
    assert "scripted: no requests remain" in plan_text(after)
    assert after.teachers[0].spent["requests"] == 24 * 7


def test_what_the_journal_holds_is_taken_off(tmp_path: Path) -> None:
    run_small(tmp_path / "run", *PRICED, "generation=few_shot_rationale")
    more = plan(tmp_path / "run" / "store", *PRICED, "task.limit=40", "generation=few_shot_rationale")
    step = stage(more, "generate/few_shot_rationale")
    asked = step.forecast
    assert (step.state, asked.known, asked.expected.requests) == ("to do", 24, 16)
    assert asked.expected.completion_tokens < asked.most.completion_tokens == 16 * 160
    assert step.about is not None


def test_a_run_that_stopped_half_way_asks_only_for_the_rest(tmp_path: Path) -> None:
    asked = (*PRICED, "generation=few_shot_rationale")
    with pytest.raises(BudgetSpentError):
        run_small(tmp_path / "run", *asked, "teacher.budget.requests=10", store=tmp_path / "store")
    step = stage(plan(tmp_path / "store", *asked), "generate/few_shot_rationale")
    assert (step.state, step.forecast.known, step.forecast.most.requests) == ("resumable", 10, 14)
    teacher: Any = run_small(tmp_path / "again", *asked, store=tmp_path / "store")["teacher"]
    assert teacher["asked_now"]["requests"] == 14
    assert teacher["asked_now"]["prompt_tokens"] == step.forecast.most.prompt_tokens


def test_a_refused_text_is_looked_for_under_its_next_draws(tmp_path: Path) -> None:
    teacher = Told(lambda draw: "sorry" if draw.sample == 0 else "fine")
    sampled = replace(DRAWN, temperature=0.7)

    def refuse(index: int, text: str) -> str | None:
        return "refused" if text == "sorry" else None

    settings: Any = {"attempts": 1, "max_failed_share": 1.0}
    list(context(tmp_path, teacher, TASK, **settings).complete([prompt("a")], sampled, refuse=refuse))
    planned = planning(tmp_path, teacher, attempts=2)
    list(planned.complete([prompt("a"), prompt("b")], sampled, refuse=refuse))
    (asked,) = planned.by_teacher.values()
    assert (asked.known, asked.expected.requests) == (1, 2)  # another draw of a, and b
    ((made,),) = planning(tmp_path, teacher, attempts=1).complete([prompt("a")], sampled, refuse=refuse)
    assert (made.text, made.reason) == ("sorry", "refused")


def test_steps_that_build_on_unwritten_texts_are_estimates(tmp_path: Path) -> None:
    made = plan(tmp_path / "store", *PRICED)
    assert not forecast(made, "few_shot_rationale").is_estimate
    assert forecast(made, "critique").is_estimate
    assert forecast(made, "revision").expected.requests == 24
    assert not forecast(made, "counterfactual").is_estimate
    assert "~24" in plan_text(made)


def test_a_second_try_is_foreseen_as_the_most(tmp_path: Path) -> None:
    made = plan(tmp_path / "store", *PRICED, "generation=[star,critique]")
    star = forecast(made, "star")
    assert (star.expected.requests, star.most.requests, star.is_estimate) == (24, 48, True)
    assert (forecast(made, "critique").expected.requests, forecast(made, "critique").most.requests) == (24, 24)
    assert "~24 (max 48)" in plan_text(made)


@pytest.mark.parametrize(("form", "each"), [("json", 1), ("stepwise", 3)])
def test_new_questions_are_foreseen_and_worked_on_by_later_steps(form: str, each: int, tmp_path: Path) -> None:
    settings = [f"generation.steps.expansion.{key}" for key in (f"form={form}", "count=10", "max_requests=30")]
    made = plan(tmp_path / "store", *PRICED, "generation=[expansion,few_shot_rationale]", *settings)
    asked = forecast(made, "expansion")
    assert (asked.expected.requests, asked.most.requests) == (10 * each, 30)
    assert forecast(made, "few_shot_rationale").expected.requests == 24 + 10
    assert forecast(made, "few_shot_rationale").is_estimate


def test_filters_let_unwritten_texts_pass_where_they_can(tmp_path: Path) -> None:
    rule = "generation.steps.filter.rules"
    overrides = (*PRICED, "generation=[few_shot_rationale,filter,critique]", f"{rule}.names_other=true")
    made = plan(tmp_path / "store", *overrides, f"{rule}.max_words=400")
    assert forecast(made, "critique").expected.requests == 24
    assert stage(made, "generate/filter").forecast is None
    blocked = plan(tmp_path / "store", *overrides, f"{rule}.max_words=3")
    told = stage(blocked, "generate/critique")
    assert "cannot be known before generate/filter is done" in told.unknown
    assert told.unknown in plan_text(blocked)


class Brittle:
    """Fails on a text that it does not know."""

    needs = frozenset({"initial"})
    makes = frozenset({"critique"})
    asks = frozenset({"complete"})
    teachers = ()
    tags = ()

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: Any
    ) -> Iterator[TeacherRecord]:
        raise KeyError("no such draft")


def test_a_step_that_fails_on_a_placeholder_does_not_break_the_plan(tmp_path: Path) -> None:
    whole: Experiment = experiment(tmp_path / "store", *PRICED)
    brittle: Any = Brittle()
    parts = replace(whole.parts, steps={**whole.parts.steps, "critique": brittle})
    made = make_plan(replace(whole, parts=parts))
    told = stage(made, "generate/critique")
    assert told.unknown.startswith("cannot be known before generate/few_shot_rationale is done")
    assert forecast(made, "counterfactual").expected.requests == 24 * 4


def test_each_member_of_an_ensemble_is_asked_what_is_its_share(tmp_path: Path) -> None:
    anna, ben = Told("x", Price(1.0, 1.0), name="anna"), Told("y", Price(2.0, 2.0), name="ben")
    prompts = [prompt(f"word {number}") for number in range(40)]
    turns = planning(tmp_path, Ensemble({"a": anna, "b": ben}, "round_robin"))
    assert all(len(row) == 1 for row in turns.complete(prompts, DRAWN))
    asked = [one.expected for one in turns.by_teacher.values()]
    assert sum(one.requests for one in asked) == 40
    assert all(0 < one.requests < 40 for one in asked)
    both = planning(tmp_path, Ensemble({"a": anna, "b": ben}, "all"))
    assert all([one.teacher for one in row] == ["a", "b"] for row in both.complete(prompts, DRAWN))
    assert [one.most.usd for one in both.by_teacher.values()] == pytest.approx([40 * 12 / 1e6, 2 * 40 * 12 / 1e6])


def test_a_step_that_can_use_one_answer_refuses_several_before_the_run_does(tmp_path: Path) -> None:
    members = {"a": Told("x", name="anna"), "b": Told("y", name="ben")}
    with pytest.raises(ConfigError, match="takes one completion for each question"):
        planning(tmp_path, Ensemble(members, "all")).complete([prompt("a")], DRAWN, only_one=True)


def test_scores_are_requests_without_completions_and_go_to_whom_they_belong(tmp_path: Path) -> None:
    anna, ben = Told("x", name="anna"), Told("y", name="ben")
    planned = planning(tmp_path, Ensemble({"a": anna, "b": ben}, "round_robin"))
    scores = list(planned.score([prompt(f"word {number}") for number in range(10)], [["a", "b"]] * 10))
    assert {len(row) for row in scores} == {2}
    total = [one.most for one in planned.by_teacher.values()]
    assert sum(one.requests for one in total) == 10
    assert sum(one.prompt_tokens for one in total) == 20
    assert sum(one.completion_tokens for one in total) == 0


def test_an_estimate_begins_where_a_guess_was_seen(tmp_path: Path) -> None:
    planned = planning(tmp_path, Told("x"))
    first, second = planned.complete([prompt("a")], DRAWN), planned.complete([prompt("b")], DRAWN)
    assert not planned.by_teacher[next(iter(planned.by_teacher))].is_estimate
    list(first), list(second)
    planned.complete([prompt("c")], DRAWN)
    list(planned.complete([prompt("d")], DRAWN))
    assert planned.by_teacher[next(iter(planned.by_teacher))].is_estimate


def test_a_plan_beyond_the_budget_says_so(tmp_path: Path) -> None:
    within = plan(tmp_path / "store", *PRICED, "teacher.budget.requests=168")
    beyond = plan(tmp_path / "store", *PRICED, "teacher.budget.requests=167", "teacher.budget.usd=0.01")
    assert within.teachers[0].exceeded() == []
    assert "budget.requests=168 leaves 168\n  this fits the budget, as far as can be estimated" in plan_text(within)
    assert beyond.teachers[0].exceeded() == ["requests", "usd"]
    assert "this may exceed budget.requests=167 and budget.usd=0.01" in plan_text(beyond)
    assert (within.as_json()["fits"], beyond.as_json()["fits"]) == (True, False)


def test_what_was_spent_is_taken_off_the_budget(tmp_path: Path) -> None:
    asked = "generation=few_shot_rationale"
    run_small(tmp_path / "run", *PRICED, asked)
    more = (*PRICED, asked, "task.limit=40")
    (enough,) = plan(tmp_path / "run" / "store", *more, "teacher.budget.requests=40").teachers
    (short,) = plan(tmp_path / "run" / "store", *more, "teacher.budget.requests=39").teachers
    assert (enough.left(), enough.exceeded()) == ({"requests": 16}, [])
    assert (short.left(), short.exceeded()) == ({"requests": 15}, ["requests"])
    assert short.budget == Budget(39, None, None)


def test_training_and_evaluation_are_part_of_it(tmp_path: Path) -> None:
    quick = ("objective=label_only", "training.max_steps=1", "training.dev_examples=1")
    made = plan(tmp_path / "store", *quick)
    assert [one.name for one in made.stages[-2:]] == ["train", "evaluate/generated_answer"]
    run_small(tmp_path / "run", *quick)
    assert {one.state for one in plan(tmp_path / "run" / "store", *quick).stages} == {"cached"}
    assert make_plan(experiment(tmp_path / "store", "until=load")).teachers == []


def test_an_objective_that_needs_no_teacher_asks_nobody(tmp_path: Path) -> None:
    made = plan(tmp_path / "store", "objective=label_only")
    assert not [one for one in made.stages if one.name.startswith("generate/")]
    assert made.teachers == []


def test_the_command_prints_a_table_or_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "task.limit=5", "until=generate"]) == 0
    assert "generate/critique" in capsys.readouterr().out
    assert main(["plan", "--json", "task.limit=5", "until=generate"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["teachers"][0]["forecast"]["expected"]["requests"] == told["total"]["most"]["requests"] == 35
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["training.seed=1,2"], "training.seed=1,2: several values are a sweep, which needs -m"),
        (["teacher.flawed_shar=0.1"], "did you mean teacher.flawed_share"),
        (["generation=nothing"], "generation"),
    ],
)
def test_a_wrong_command_is_complained_about(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *arguments]) == 2
    assert message in capsys.readouterr().err
