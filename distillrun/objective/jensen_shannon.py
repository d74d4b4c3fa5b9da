"""The generalised Jensen-Shannon divergence: both models against their mixture."""

from dataclasses import dataclass

from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.divergence import jensen_shannon
from distillrun.objective.shared.token_distillation import TokenDistillation


@dataclass(eq=False)
class JensenShannon(TokenDistillation):
    """D = generalised Jensen-Shannon divergence, per token.

    Args:
        beta: share of the teacher in the mixture.
        normalise: divide by beta (1 - beta): the loss then keeps its scale over all beta, and its limits at 0 and 1
            are the forward and the reverse KL.
        texts, teacher, top_k, temperature, temperature_squared, cross_entropy_weight, dtype: see `TokenDistillation`.

    Source: GKD, Agarwal et al. 2023, https://arxiv.org/abs/2306.13649, equation 1.
    """

    beta: float
    normalise: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.beta <= 1 or (self.beta in (0, 1) and not self.normalise):
            raise ConfigError(
                f"objective.beta={self.beta} must be between 0 and 1; at 0 and at 1 the divergence is 0 whatever the "
                "student does, unless objective.normalise=true, which makes them the forward and the reverse KL"
            )

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return jensen_shannon(log_p, log_q, self.beta, self.normalise)
