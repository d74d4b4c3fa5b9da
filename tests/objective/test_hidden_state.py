"""Hidden states that follow a teacher's."""

from typing import Any

import pytest
import torch

from distillrun.interfaces import ObjectiveContext
from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import Count, StudentOutputs
from distillrun.objective.hidden_state import state_distance, uniform_layer
from tests.leaves import made


def test_a_uniform_map_meets_the_last_layer_and_rises() -> None:
    for layers, teacher_layers in ((2, 3), (4, 12), (6, 6), (12, 4)):
        found = [uniform_layer(layer, layers, teacher_layers) for layer in range(1, layers + 1)]
        assert found[-1] == teacher_layers
        assert found == sorted(found)
        assert found[0] >= (1 if teacher_layers >= layers else 0)
    assert [uniform_layer(layer, 4, 12) for layer in range(1, 5)] == [3, 6, 9, 12]


@pytest.mark.parametrize("distance", ["cosine", "mse"])
def test_equal_states_are_at_distance_0(distance: Any) -> None:
    states = torch.randn(5, 8)
    torch.testing.assert_close(state_distance(states, states, distance), torch.zeros(5), atol=1e-6, rtol=0)
    scaled = state_distance(3 * states, states, distance)
    torch.testing.assert_close(scaled, torch.zeros(5), atol=1e-4, rtol=0)  # neither knows scale
    assert (state_distance(states, torch.randn(5, 8), distance) > 0).all()


def test_cosine_is_the_one_computed_by_hand() -> None:
    found = state_distance(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]]), "cosine")
    assert found.item() == pytest.approx(1 - 3 / 5)


def test_the_maps_are_trained_and_no_weight_of_the_teacher_gets_a_gradient() -> None:
    student: TransformerModel = made("student", "tiny_qwen").build(seed=0)
    teacher: TransformerModel = made("student", "tiny_t5", width=96, layers=4).build(seed=1)
    objective = made("objective", "hidden_state")
    nothing: Any = None
    objective.start(ObjectiveContext(student, teacher, nothing, 1, 1))
    assert {name: tuple(one.weight.shape) for name, one in objective.modules().items()} == {
        "1": (96, 64),
        "2": (96, 64),
    }
    assert student.layer_widths() == [64, 64, 64]
    assert teacher.layer_widths() == [96] * 5


def test_the_loss_is_the_mean_over_layers_and_a_view_s_tokens() -> None:
    objective = made("objective", "hidden_state", cross_entropy_weight=0.0)
    for layer in ("1", "2"):
        objective._maps[layer] = torch.nn.Linear(4, 4, bias=False)
        objective._maps[layer].weight.data = torch.eye(4)
    own, theirs = (tuple(torch.randn(1, 3, 4) for _ in range(3)) for _ in range(2))
    labels = torch.tensor([[5, 6, -100]])
    teacher_outputs = StudentOutputs(Logits(torch.zeros(1, 3, 2)), labels, ("predict",), (0,), hidden=theirs)
    outputs = StudentOutputs(
        Logits(torch.zeros(1, 3, 9)), labels, ("predict",), (0,), hidden=own, teacher_outputs=teacher_outputs
    )
    found = objective.loss(outputs, {"predict": Count(2, 1)}).total
    expected = sum(state_distance(own[n][0, :2], theirs[n][0, :2], "cosine").mean() for n in (1, 2)) / 2
    torch.testing.assert_close(found, expected)
