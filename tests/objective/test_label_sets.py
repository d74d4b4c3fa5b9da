"""Texts with several labels: the loss is PyTorch's, of labels and of shares, and shares of a step add up."""

from typing import Any

import pytest
import torch
from torch import nn

from distillrun.objective.label_only import LabelOnly
from distillrun.objective.label_shares import LabelShares
from distillrun.records import Question, Segment

LABELS = ("a", "b", "c")
SETS: list[tuple[int, ...]] = [(0, 2), (), (1,)]
SHARES = [(0.75, 0.25, 1.0), (0.0, 0.0, 0.25), (0.0, 1.0, 0.5)]
SCORES = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0], [2.0, 0.1, -0.3]])


class Scored:
    """A model whose scores are known."""

    module = nn.Identity()

    def choose(self, sources: Any, continuations: Any) -> torch.Tensor:
        return SCORES[[int(source[0].text) for source in sources]]


def questions(shares: bool = True) -> list[Question]:
    answers = ((Segment("x"),),) * 3
    return [
        Question((Segment(str(n)),), answers, None, None, 0, own, SHARES[n] if shares else None)
        for n, own in enumerate(SETS)
    ]


def loss(objective: LabelOnly, chosen: list[int]) -> float:
    model: Any = Scored()
    return float(objective.choice_loss(model, questions(), chosen).total)


@pytest.mark.parametrize("weight", [None, 0.0, 0.3, 1.0])
def test_the_loss_is_the_binary_cross_entropy_of_every_label(weight: float | None) -> None:
    plain = LabelOnly("{question}", "{answer}")
    objective = plain if weight is None else LabelShares("{question}", "{answer}", weight)
    hard = torch.tensor([[1.0, 0, 1], [0, 0, 0], [0, 1, 0]])
    target = (1 - (weight or 0.0)) * hard + (weight or 0.0) * torch.tensor(SHARES)
    assert loss(objective, [0, 1, 2]) == pytest.approx(float(nn.BCEWithLogitsLoss()(SCORES, target)))
    assert loss(objective, [0, 1, 2]) == pytest.approx(loss(objective, [0]) + loss(objective, [2, 1]))


def test_shares_that_the_teacher_did_not_give_are_missed() -> None:
    model: Any = Scored()
    with pytest.raises(ValueError, match="the teacher did not label '0'"):
        LabelShares("{question}", "{answer}", 1.0).choice_loss(model, questions(shares=False), [0])
