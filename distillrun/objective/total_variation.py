"""The total variation distance: half the absolute difference, bounded, with a gradient like a sign."""

from torch import Tensor

from distillrun.loss.divergence import total_variation
from distillrun.objective.shared.token_distillation import TokenDistillation


class TotalVariation(TokenDistillation):
    """D = 1/2 sum |teacher - student|, per token; settings as in `TokenDistillation`.

    Source: f-DISTILL, Wen et al. 2023, https://arxiv.org/abs/2307.15190, section 3.
    """

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return total_variation(log_p, log_q)
