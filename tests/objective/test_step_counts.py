"""The counts of a step's tokens and pairs: a loss that divides by them is a mean over the step's questions."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from distillrun.interfaces import ObjectiveContext
from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.tensors import Count
from distillrun.objective.mutual_information import information_loss
from distillrun.objective.sum import Sum
from distillrun.records import TargetPair, TrainingItem
from distillrun.training.step import StepGradient, StepStats, count_views
from distillrun.training.supervision import LiveSupervision
from tests.leaves import EXAMPLE, RECORD, leaf, made

VISITS = [TrainingItem(replace(EXAMPLE, id=f"q{n}"), RECORD, n) for n in range(3)]


@pytest.fixture(scope="module")
def student() -> TransformerModel:
    model: TransformerModel = made("student", "tiny_qwen", dropout=0.0).build(seed=0)
    return model


def task() -> Any:
    return made("task", "multiple_choice", folder="unused")


def taken(objective: Any, student: TransformerModel, tokens: int) -> StepStats:
    """Return what a step of three questions comes to, in micro-batches of so many tokens."""
    objective.start(ObjectiveContext(student, None, task(), 10, 10_000))
    supervision = None
    if objective.requirements.teacher == "reference":
        supervision = LiveSupervision(student, student.frozen(student.device), objective)
    step = StepGradient(student, objective, task(), tokens, False, supervision, lambda loss: None)
    return step.take(0, VISITS)


def both_parts(first: dict[str, Any], second: dict[str, Any]) -> Sum:
    always = {"start": 1.0, "end": 1.0, "schedule": "constant", "until": 1.0}
    weights = {"first": always, "second": {**always, "start": 0.0, "end": 0.0}}
    objective: Sum = made("objective", "sum", parts={"first": first, "second": second}, weights=weights, asks="second")
    return objective


def test_tokens_and_pairs_are_counted_view_by_view() -> None:
    pairs = [TargetPair((), (), view) for view in ("predict", "explain", "predict", "predict", "explain")]
    assert count_views(pairs, [2, 30, 3, 4, 50]) == {"predict": Count(9, 3), "explain": Count(80, 2)}
    assert count_views([], []) == {}


@pytest.mark.parametrize("tokens", [1, 10**6])
def test_a_student_that_is_its_reference_prefers_nothing(student: TransformerModel, tokens: int) -> None:
    """Every margin is 0, so the mean over the pairs is ln 2 however many there are."""
    preference = leaf("objective", "preference", winner_weight=0.0)
    alone = taken(made("objective", "preference", winner_weight=0.0), student, tokens)
    assert alone.parts["preference"] == pytest.approx(math.log(2), rel=1e-6)
    merged = taken(both_parts(preference, leaf("objective", "rationale_answer")), student, tokens)
    assert merged.parts["first/preference"] == pytest.approx(math.log(2), rel=1e-6)


@pytest.mark.parametrize("tokens", [1, 10**6])
def test_the_information_is_the_mean_over_the_questions(student: TransformerModel, tokens: int) -> None:
    objective = made("objective", "mutual_information", information_weight=1.0)
    each = []
    for visit in VISITS:
        pairs = objective.targets(visit.example, visit.record, task(), visit.seed)
        with torch.no_grad():
            outputs = student.forward(student.encode(pairs, [0, 0]))
        predict, explain = (
            outputs.logits.dense()[row][outputs.labels[row] != -100].log_softmax(-1) for row in range(2)
        )  # the views in the order of the pairs
        each.append(information_loss(predict, explain, objective.variant).item())
    expected = sum(each) / len(each)
    assert taken(objective, student, tokens).parts["information"] == pytest.approx(expected, rel=1e-5)
    merged = both_parts(leaf("objective", "mutual_information"), leaf("objective", "label_only"))
    assert taken(merged, student, tokens).parts["first/information"] == pytest.approx(expected, rel=1e-5)
