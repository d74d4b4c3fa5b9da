"""Several objectives at once."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from distillrun.config.build import build
from distillrun.errors import ConfigError
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import StudentOutputs
from distillrun.objective.shared.part_weight import PartWeight
from distillrun.objective.sum import Sum
from distillrun.records import TrainingItem
from distillrun.training.step import count_views
from tests.leaves import EXAMPLE, RECORD, leaf, made


def weight(start: float, end: float = 0.0, schedule: str = "constant", until: float = 1.0) -> dict[str, Any]:
    return {"start": start, "end": end, "schedule": schedule, "until": until}


def texts(*names: str, weights: dict[str, Any] | None = None, asks: str | None = None) -> Sum:
    node = {
        "_target_": "objective/Sum",
        "parts": {name: leaf("objective", name) for name in names},
        "weights": weights or {name: weight(1.0) for name in names},
        "asks": asks or names[0],
    }
    made_sum: Sum = build(node, "objective")
    return made_sum


@pytest.mark.parametrize(
    ("schedule", "until", "expected"),
    [
        ("constant", 1.0, [2.0, 2.0, 2.0, 2.0]),
        ("linear", 1.0, [2.0, 1.5, 1.0, 0.5]),
        ("linear", 0.5, [2.0, 1.0, 0.0, 0.0]),
        ("cosine", 1.0, [2.0, 1.7071067811865475, 1.0, 0.2928932188134524]),
    ],
)
def test_a_weight_changes_over_the_training(schedule: Any, until: float, expected: list[float]) -> None:
    made_weight = PartWeight(2.0, 0.0, schedule, until)
    assert [made_weight.at(step / 4) for step in range(4)] == pytest.approx(expected)


def test_a_pair_that_two_parts_learn_goes_through_the_student_once() -> None:
    objective = texts("multitask", "label_only")
    pairs = objective.targets(EXAMPLE, RECORD, made("task", "multiple_choice", folder="unused"), 0)
    assert [pair.view for pair in pairs] == ["multitask:predict + label_only:predict", "multitask:explain"]


def test_the_loss_is_the_weighted_sum_of_the_parts() -> None:
    task = made("task", "multiple_choice", folder="unused")
    objective = texts("multitask", "label_only", weights={"multitask": weight(2.0), "label_only": weight(0.5)})
    pairs = objective.targets(EXAMPLE, RECORD, task, 0)
    labels = torch.tensor([[1, 2, -100], [3, 4, 5]])
    outputs = StudentOutputs(Logits(torch.randn(2, 3, 7)), labels, tuple(pair.view for pair in pairs), (0, 0))
    found = objective.loss(outputs, count_views(pairs, [2, 3]))
    expected = 0.0
    for name, share, views in (("multitask", 2.0, ("predict", "explain")), ("label_only", 0.5, ("predict", "none"))):
        part = made("objective", name)
        own = part.targets(EXAMPLE, RECORD, task, 0)
        own_loss = part.loss(replace(outputs, views=views), count_views(own, [2, 3][: len(own)]))
        expected += share * own_loss.total.item()
        for key, value in own_loss.parts.items():
            torch.testing.assert_close(found.parts[f"{name}/{key}"], value)
    assert found.total.item() == pytest.approx(expected)


def test_the_teacher_is_wanted_for_its_own_part_s_pairs_alone() -> None:
    objective = made("objective", "sum")
    pairs = objective.targets(EXAMPLE, RECORD, made("task", "multiple_choice", folder="unused"), 0)
    assert [objective.is_taught(pair) for pair in pairs] == [True, False]
    assert objective.requirements.teacher == "stored"


def test_salt_needs_its_teacher_at_first_and_then_no_more() -> None:
    objective = made("objective", "salt")
    objective._max_steps = 10
    weights = []
    for step in range(10):
        objective.prepare(step, [TrainingItem(EXAMPLE, RECORD, 0)], [[]])
        weights.append(objective.weight("forward_kl"))
    assert weights[0] == 1.0
    assert weights[3:] == pytest.approx([0.0] * 7, abs=1e-12)
    assert objective.weight("label_only") == 1.0


def test_parts_that_want_the_teacher_in_different_ways_are_refused() -> None:
    node = leaf("objective", "sum")
    node["parts"]["second"] = leaf("objective", "reverse_kl", teacher="live")
    node["weights"]["second"] = weight(1.0)
    with pytest.raises(ConfigError, match=r"read the teacher in different ways: .*; set the same teacher") as caught:
        build(node, "objective")
    assert "second (teacher=live, top_k=64, temperature=1, dtype=float16)" in str(caught.value)
    assert "LogitRequest" not in str(caught.value)


def test_names_and_weights_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"must have the same names; they differ in \['label_only'\]"):
        texts("multitask", "label_only", weights={"multitask": weight(1.0)})
    with pytest.raises(ConfigError, match=r"did you mean .multitask"):
        texts("multitask", asks="multitsk")
    with pytest.raises(ConfigError, match="0 or more"):
        texts("multitask", weights={"multitask": weight(-1.0)})
