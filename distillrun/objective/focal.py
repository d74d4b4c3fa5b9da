"""Focal loss: tokens that the student already finds likely count less."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.token_loss import PositionCost, by_label
from distillrun.objective.shared.own_loss import OwnLoss


@dataclass(eq=False)
class Focal(OwnLoss):
    """A token of probability q costs -(1 - q)^focus log q.

    Args:
        texts: see `OwnLoss`.
        focus: gamma of the paper, 0 or more; 0 = the negative log-likelihood.

    Source: Lin et al. 2017, https://arxiv.org/abs/1708.02002, equation 4.
    """

    focus: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.focus < math.inf:
            raise ConfigError(f"objective.focus={self.focus} must be 0 or more")

    def token_loss(self, labels: Tensor) -> PositionCost:
        return by_label(labels, self._cost)

    def _cost(self, logits: Tensor, labels: Tensor) -> Tensor:
        nll = F.cross_entropy(logits, labels, reduction="none")
        # floored: the gradient of a power below 1 is infinite at 0
        others = (-torch.expm1(-nll)).clamp(min=torch.finfo(nll.dtype).tiny)
        return others**self.focus * nll
