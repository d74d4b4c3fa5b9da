"""Label smoothing: the labels, and a little of every other token."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from distillrun.loss.token_loss import PositionCost, by_label
from distillrun.objective.shared.own_loss import OwnLoss
from distillrun.objective.shared.view import check_weight


@dataclass(eq=False)
class LabelSmoothing(OwnLoss):
    """A token costs (1 - smoothing) x its negative log-likelihood + smoothing x the mean over all tokens of theirs.

    Args:
        texts: see `OwnLoss`.
        smoothing: the share of the uniform distribution over the vocabulary, 0 to 1.

    Source: Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, section 7.
    """

    smoothing: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_weight("smoothing", self.smoothing)

    def token_loss(self, labels: Tensor) -> PositionCost:
        def cost(logits: Tensor, own: Tensor) -> Tensor:
            return F.cross_entropy(logits, own, reduction="none", label_smoothing=self.smoothing)

        return by_label(labels, cost)
