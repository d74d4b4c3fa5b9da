"""The weighted sum of forward and reverse KL."""

from dataclasses import dataclass

from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.divergence import symmetric_kl
from distillrun.objective.shared.token_distillation import TokenDistillation


@dataclass(eq=False)
class SymmetricKL(TokenDistillation):
    """D = forward_weight x KL(teacher || student) + (1 - forward_weight) x KL(student || teacher), per token.

    Args:
        forward_weight: share of the forward KL, 0 to 1.
        texts, teacher, top_k, temperature, temperature_squared, cross_entropy_weight, dtype: see `TokenDistillation`.

    Source: Jeffreys divergence; mixed as in DistiLLM's code, Ko et al. 2024, https://arxiv.org/abs/2402.03898.
    """

    forward_weight: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.forward_weight <= 1:
            raise ConfigError(f"objective.forward_weight={self.forward_weight} must lie between 0 and 1")

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return symmetric_kl(log_p, log_q, self.forward_weight)
