"""What every scoring rule and every measure must obey; a new one is found by its config."""

import json
import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from distillrun.interfaces import Metric, Scorer
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.outcome import Outcome
from distillrun.records import (
    Example,
    MetricResult,
    Prediction,
    ResultCurve,
    ResultTable,
    Score,
    Split,
    gold_choice,
    place,
)
from tests.altered import altered
from tests.answered import answered
from tests.end_to_end.runs import experiment, ran
from tests.leaves import made, options

EVALUATION = options("evaluation")
OF_LABELS = {"multi_label"}
"""Measures of questions that all have the same choices: tests/end_to_end/test_multi_label.py has a run of these."""
OF_DOCUMENTS = {"extraction"}
"""Measures of JSON answers: tests/evaluation/test_extraction.py has a run of these."""
SMALL = (
    "experiment=everything_measured",
    "task.limit=12",
    "training.max_steps=2",
    "evaluation.baselines=false",
    "evaluation.generated_answer.explanation_tokens=24",
    "evaluation.self_consistency.samples=2",
    "evaluation.self_consistency.new_tokens=4",
    "evaluation.identity_consistency.sampling.max_new_tokens=8",
    "evaluation.las.steps=2",
    "evaluation.las.train_questions=8",
    "evaluation.las.simulator.width=8",
    "evaluation.las.simulator.layers=1",
    "evaluation.las.simulator.heads=2",
    f"evaluation=[{','.join(EVALUATION)}]",
)


def measured(folder: Path, explains: bool = False) -> tuple[Experiment, Outcome]:
    """Return a run of everything that can be measured, and what came out.

    A student of six steps writes nothing that can be read; where it `explains`, answers and explanations are put into
    its mouth.
    """
    prepared = experiment(folder / "store", *SMALL)
    if explains:
        rules = dict(prepared.parts.evaluators)
        rules["generated_answer"] = altered(rules["generated_answer"], predict=told)
        prepared = replace(prepared, parts=replace(prepared.parts, evaluators=rules))
    return prepared, ran(prepared, folder / "run")


def told(self: Scorer, student: Any, objective: Any, examples: Sequence[Example], *_: Any) -> list[Prediction]:
    """Return an answer with an explanation for each question, every third one wrong."""
    found = []
    for n, example in enumerate(examples):
        choice = (gold_choice(example) + (n % 3 == 0)) % len(example.choices)
        text = example.choices[choice]
        found.append(Prediction(example.id, text, f"Everybody knows that it is the {text}.", choice))
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Experiment, Outcome]]:
    return [measured(tmp_path_factory.mktemp("plain")), measured(tmp_path_factory.mktemp("explains"), explains=True)]


def faults_of_scores(scores: Sequence[Score]) -> list[str]:
    """Return what is wrong with scores."""
    found = [
        f"two scores are called {name}" for name, count in Counter(one.name for one in scores).items() if count > 1
    ]
    for one in scores:
        if one.name.split("/")[0] in get_args(Split) or not one.name:
            found.append(f"{one.name!r} is no bare name")
        if one.n < 1:
            found.append(f"{one.name}: n={one.n}")
        if not all(math.isfinite(value) for value in (one.value, one.low, one.high)):
            found.append(f"{one.name}: {one.value} [{one.low}, {one.high}] is no number with an interval")
        elif not one.low - 1e-9 <= one.value <= one.high + 1e-9:
            found.append(f"{one.name}: {one.value} is outside [{one.low}, {one.high}]")
    return found


def faults_of_rule(rule: str) -> list[str]:
    return [] if len(rule.split()) > 3 else [f"rule={rule!r} is no sentence"]


def faults_of_scorer(scorer: Scorer, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[str]:
    """Return what a scoring rule does, with what it predicted, that its protocol forbids."""
    found = faults_of_rule(scorer.rule)
    if [one.example_id for one in predictions] != [example.id for example in examples]:
        return [*found, "it does not predict one answer for each example, in order"]
    for one, example in zip(predictions, examples, strict=True):
        if one.choice is not None and not 0 <= place(one.choice) < len(example.choices):
            found.append(f"{example.id}: choice {one.choice} is none")
    scores = scorer.score(predictions, examples)
    if not scores:
        found.append("it gives no score")
    if scorer.score(predictions, examples) != scores:
        found.append("the same predictions have two scores")
    return found + faults_of_scores(scores)


def faults_of_metric(metric: Metric, result: MetricResult, scorers: Collection[str]) -> list[str]:
    """Return what a measure does, with what it found, that its protocol forbids; `scorers` are those of the run."""
    found = faults_of_rule(metric.rule) + faults_of_scores(result.scores)
    if metric.of and metric.of not in scorers:
        found.append(f"of={metric.of} is no scoring rule")
    if not result.scores and not result.note:
        found.append("it finds nothing and does not say why")
    for table in result.tables:
        if any(len(row) != len(table.columns) for row in table.rows):
            found.append(f"{table.title}: a row has other columns")
        if any(isinstance(cell, float) and not math.isfinite(cell) for row in table.rows for cell in row):
            found.append(f"{table.title}: a cell is no number")
        if not set(table.shares) <= set(table.columns):
            found.append(f"{table.title}: shares of no column")
        told = [dict(zip(table.columns, row, strict=False)) for row in table.rows]
        shares = [row.get(name) for row in told for name in table.shares]
        if any(share is not None and (isinstance(share, str) or not -1 <= share <= 1) for share in shares):
            found.append(f"{table.title}: a share is no fraction")
    for curve in result.curves:
        if not all(math.isfinite(value) for line in curve.lines.values() for point in line for value in point):
            found.append(f"{curve.title}: a point is no number")
    try:
        json.dumps([dict(row) for row in result.rows], allow_nan=False)
    except (TypeError, ValueError):
        found.append("its rows are no JSON")
    return found


def test_every_option_is_measured(runs: list[tuple[Experiment, Outcome]]) -> None:
    for prepared, _ in runs:
        assert sorted({*prepared.parts.evaluators, *prepared.parts.measures}) == EVALUATION


@pytest.mark.parametrize("name", EVALUATION)
def test_a_rule_or_a_measure_keeps_its_protocol(name: str, runs: list[tuple[Experiment, Outcome]]) -> None:
    for prepared, outcome in runs:
        parts = prepared.parts
        if name in parts.evaluators:
            scorer = parts.evaluators[name]
            assert faults_of_scorer(scorer, outcome.predictions[name], outcome.examples["test"]) == []
        else:
            assert faults_of_metric(parts.measures[name], outcome.findings[name], parts.evaluators) == []


@pytest.mark.parametrize("name", EVALUATION)
def test_every_measure_finds_something_of_one_of_the_students(
    name: str, runs: list[tuple[Experiment, Outcome]]
) -> None:
    found = [outcome.findings[name].scores for _, outcome in runs if name in outcome.findings]
    assert any(found) or name in runs[0][0].parts.evaluators or name in OF_LABELS | OF_DOCUMENTS


FINE = Score("share", 0.5, 4, 0.2, 0.8, "share")
WRONG_SCORES = {
    "n=0": replace(FINE, n=0),
    "is no number with an interval": replace(FINE, low=math.nan),
    "share: nan": replace(FINE, value=math.nan),
    "inf": replace(FINE, high=math.inf),
    "0.5 is outside [0.6, 0.8]": replace(FINE, low=0.6),
    "0.5 is outside [0.8, 0.2]": replace(FINE, low=0.8, high=0.2),
    "'test/share' is no bare name": replace(FINE, name="test/share"),
}
EXAMPLES = [Example("a", "Who?", ("you", "I"), 0), Example("b", "What?", ("this", "that"), 1)]
PREDICTIONS = [Prediction("a", "you", "", 0), Prediction("b", "?", "", None)]


def scoring(*scores: Score) -> Any:
    return lambda self, predictions, examples: list(scores)


def finding(**known: Any) -> Any:
    return lambda self, context: MetricResult(**{"scores": (FINE,), **known})


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert faults_of_scorer(made("evaluation", "generated_answer"), PREDICTIONS, EXAMPLES) == []
    assert taken(measure=finding()) == []


@pytest.mark.parametrize("fault", WRONG_SCORES)
def test_a_broken_score_is_found(fault: str) -> None:
    broken = altered(made("evaluation", "generated_answer"), score=scoring(FINE, replace(WRONG_SCORES[fault])))
    assert any(fault in one for one in faults_of_scorer(broken, PREDICTIONS, EXAMPLES))
    assert any(fault in one for one in taken(measure=finding(scores=(WRONG_SCORES[fault],))))


def taken(**changes: Any) -> list[str]:
    """Return the faults of a shipped measure that is changed, and of what it then finds."""
    metric = altered(made("evaluation", "explanation_text"), **changes)
    return faults_of_metric(metric, metric.measure(answered()), ["generated_answer"])


ENDLESS = iter(range(100))
BROKEN_SCORERS: list[tuple[dict[str, Any], str]] = [
    ({"rule": ""}, "rule='' is no sentence"),
    ({"score": scoring()}, "it gives no score"),
    ({"score": scoring(FINE, FINE)}, "two scores are called share"),
    ({"score": lambda *_: [replace(FINE, n=next(ENDLESS) + 1)]}, "the same predictions have two scores"),
]
BROKEN_METRICS: list[tuple[dict[str, Any], str]] = [
    ({"rule": " "}, "is no sentence"),
    ({"measure": finding(scores=())}, "it finds nothing and does not say why"),
    ({"of": "nobody", "measure": finding()}, "of=nobody is no scoring rule"),
    ({"measure": finding(tables=(ResultTable("T", ("a", "b"), ((1,),)),))}, "T: a row has other columns"),
    ({"measure": finding(tables=(ResultTable("T", ("a",), ((math.nan,),)),))}, "T: a cell is no number"),
    ({"measure": finding(tables=(ResultTable("T", ("a",), ((1,),), shares=("b",)),))}, "T: shares of no column"),
    ({"measure": finding(tables=(ResultTable("T", ("a",), ((31.2,),), shares=("a",)),))}, "T: a share is no fraction"),
    ({"measure": finding(curves=(ResultCurve("C", "x", {"l": ((0.0, math.inf),)}),))}, "C: a point is no number"),
    ({"measure": finding(rows=({"x": math.nan},))}, "its rows are no JSON"),
]


@pytest.mark.parametrize(("changes", "fault"), BROKEN_SCORERS)
def test_a_broken_rule_is_found(changes: dict[str, Any], fault: str) -> None:
    broken = altered(made("evaluation", "generated_answer"), **changes)
    assert any(fault in one for one in faults_of_scorer(broken, PREDICTIONS, EXAMPLES))


@pytest.mark.parametrize(("changes", "fault"), BROKEN_METRICS)
def test_a_broken_measure_is_found(changes: dict[str, Any], fault: str) -> None:
    assert any(fault in one for one in taken(**{"measure": finding(), **changes}))


def test_predictions_of_others_are_found() -> None:
    scorer = made("evaluation", "generated_answer")
    assert "one answer for each example, in order" in faults_of_scorer(scorer, PREDICTIONS[::-1], EXAMPLES)[0]
    wild = [replace(PREDICTIONS[0], choice=-1), PREDICTIONS[1]]
    assert "a: choice -1 is none" in faults_of_scorer(scorer, wild, EXAMPLES)
