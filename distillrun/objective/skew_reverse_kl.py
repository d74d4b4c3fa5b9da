"""The skewed reverse KL: the teacher's side holds a little of the student."""

from dataclasses import dataclass

from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.divergence import skew_reverse_kl
from distillrun.objective.shared.token_distillation import TokenDistillation


@dataclass(eq=False)
class SkewReverseKL(TokenDistillation):
    """D = KL(student || (1 - alpha) teacher + alpha student), per token: its gradient is bounded.

    Args:
        alpha: how much is mixed in, 0 to below 1; 0 is the plain KL.
        texts, teacher, top_k, temperature, temperature_squared, cross_entropy_weight, dtype: see `TokenDistillation`.

    Source: DistiLLM, Ko et al. 2024, https://arxiv.org/abs/2402.03898, section 3.1.
    """

    alpha: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.alpha < 1:
            raise ConfigError(f"objective.alpha={self.alpha} must be from 0 to below 1")

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return skew_reverse_kl(log_p, log_q, self.alpha)
