"""Pairs of better and worse texts."""

import math
from typing import Any

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import Count, StudentOutputs
from tests.leaves import EXAMPLE, RECORD, leaf, made

COUNTS = {"predict/winner": Count(2, 1), "predict/loser": Count(1, 1)}


def task() -> Any:
    return made("task", "multiple_choice", folder="unused")


def outputs(winner: float, loser: float, reference: tuple[float, float] = (0.0, 0.0)) -> StudentOutputs:
    """Return a winner of two tokens and a loser of one, each text with this log-likelihood."""

    def logits(values: tuple[float, float]) -> torch.Tensor:
        per_token = torch.tensor([[values[0] / 2, values[0] / 2], [values[1], 0.0]], dtype=torch.float64)
        # two ids: the label's logit is 0, the other's makes its log-likelihood what is wanted
        other = (-per_token).expm1().log()
        return torch.stack([torch.zeros_like(other), other], dim=-1)

    labels = torch.tensor([[0, 0], [0, -100]])
    views = ("predict/winner", "predict/loser")
    small = (min(reference[0], -1e-9), min(reference[1], -1e-9))
    teacher_outputs = StudentOutputs(Logits(logits(small)), labels, views, (0, 0))
    return StudentOutputs(Logits(logits((winner, loser))), labels, views, (0, 0), teacher_outputs=teacher_outputs)


def loss(made_outputs: StudentOutputs, **changes: Any) -> float:
    objective = made("objective", "preference", winner_weight=0.0, **changes)
    value: float = objective.loss(made_outputs, COUNTS).total.item()
    return value


def test_the_loss_is_the_one_computed_by_hand() -> None:
    assert loss(outputs(-3.0, -5.0, (-3.0, -5.0))) == pytest.approx(0.6931471806)
    assert loss(outputs(-3.0, -5.0, (-4.0, -4.0))) == pytest.approx(0.5981388694)  # margin 2, beta 0.1
    swapped = loss(outputs(-5.0, -3.0, (-4.0, -4.0)))
    assert swapped == pytest.approx(-math.log(1 - math.exp(-0.5981388694)))


def test_the_other_forms_divide_by_the_tokens() -> None:
    normalised = loss(outputs(-3.0, -5.0, (-4.0, -4.0)), form="length_normalised", beta=1.0)
    assert normalised == pytest.approx(math.log1p(math.exp(-(0.5 - -1.0))))
    simpo = loss(outputs(-3.0, -5.0), form="simpo", beta=2.0, target_margin=0.5)
    assert simpo == pytest.approx(math.log1p(math.exp(-(2 * (-1.5 - -5.0) - 0.5))))


def test_the_winner_s_cross_entropy_keeps_it_likely() -> None:
    objective = made("objective", "preference", winner_weight=3.0)
    found = objective.loss(outputs(-3.0, -5.0, (-3.0, -5.0)), COUNTS)
    assert found.total.item() == pytest.approx(0.6931471806 + 3 * 3.0 / 2)
    assert found.parts["winner"].item() == pytest.approx(1.5)


def text(pair: Any) -> str:
    return "".join(segment.text for segment in pair.target)


def test_the_revision_wins_over_the_draft() -> None:
    winner, loser = made("objective", "preference", pairs="revision").targets(EXAMPLE, RECORD, task(), 0)
    assert (winner.view, loser.view) == ("predict/winner", "predict/loser")
    assert "lends novels; an oven bakes" in text(winner)
    assert "oven" not in text(loser)
    assert winner.source == loser.source


def test_the_right_answer_wins_over_a_wrong_one_with_its_rationale() -> None:
    seen = set()
    for seed in range(30):
        winner, loser = made("objective", "preference").targets(EXAMPLE, RECORD, task(), seed)
        assert "library" in text(winner)
        wrong = next(choice for choice in ("oven", "river", "garage", "field") if choice in text(loser))
        assert f"Novels are kept in a {wrong}." in text(loser)
        seen.add(wrong)
    assert seen == {"oven", "river", "garage", "field"}


def test_views_in_which_nothing_differs_teach_nothing() -> None:
    """A revision changes the rationale, not the answer."""
    objective = made("objective", "preference", pairs="revision", texts=leaf("objective", "multitask"))
    assert [pair.view for pair in objective.targets(EXAMPLE, RECORD, task(), 0)] == ["explain/winner", "explain/loser"]


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"objective\.beta=0"):
        made("objective", "preference", beta=0.0)
    with pytest.raises(ConfigError, match="must learn the initial rationale alone"):
        made("objective", "preference", texts=leaf("objective", "label_only"))
