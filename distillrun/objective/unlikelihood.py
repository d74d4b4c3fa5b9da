"""Unlikelihood training against repetition: the label becomes likelier, and what was already written less likely."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.tensors import IGNORE
from distillrun.loss.token_loss import PositionCost
from distillrun.objective.shared.own_loss import OwnLoss

SURE = 1e-5
"""The least that 1 - q is taken for, as in the authors' code."""


@dataclass(eq=False)
class Unlikelihood(OwnLoss):
    """A token costs -log q(label) - penalty x sum of log(1 - q(c)) over the earlier tokens c of its target.

    Each earlier token counts once, however often it was written. The label itself does not count, nor do tokens that
    are read and not learnt.

    Args:
        texts: see `OwnLoss`.
        penalty: alpha of the paper, 0 or more.

    Source: Welleck et al. 2019, https://arxiv.org/abs/1908.04319, section 5.1, equations 4 and 5.
    """

    penalty: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.penalty < math.inf:
            raise ConfigError(f"objective.penalty={self.penalty} must be 0 or more")

    def token_loss(self, labels: Tensor) -> PositionCost:
        learnt = labels[labels != IGNORE]
        unwanted = earlier_tokens(labels)[labels != IGNORE]
        rows = (labels != IGNORE).nonzero()[:, 0]
        earlier = labels.clamp(min=0)[rows]

        def cost(logits: Tensor, begin: int, end: int) -> Tensor:
            log_q = logits.log_softmax(dim=-1)
            others = (1 - log_q.gather(-1, earlier[begin:end]).exp()).clamp(min=SURE)
            penalty = torch.where(unwanted[begin:end], -others.log(), 0.0).sum(dim=-1)
            return -log_q.gather(-1, learnt[begin:end, None]).squeeze(1) + self.penalty * penalty

        return cost


def earlier_tokens(labels: Tensor) -> Tensor:
    """Return [N, T, T]: is the token at j an earlier one than that at t, another one, and the first of its like?"""
    learnt = labels != IGNORE
    alike = (labels[:, :, None] == labels[:, None, :]) & learnt[:, None, :]
    before = torch.ones(alike.shape[1:], dtype=torch.bool, device=labels.device).tril(-1)
    is_first = ~(alike & before).any(dim=-1) & learnt
    return before & is_first[:, None, :] & ~alike
