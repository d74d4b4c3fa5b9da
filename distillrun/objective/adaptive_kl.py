"""Forward KL where the student is off in the teacher's head, reverse KL where it is in the tail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.divergence import Boundary, adaptive_kl
from distillrun.objective.shared.token_distillation import TokenDistillation


@dataclass(eq=False)
class AdaptiveKL(TokenDistillation):
    """D = adaptive mixture of both KLs, per token; it needs all ids, since a bucket has no rank.

    Args:
        head_mass: the likeliest ids of the teacher up to this mass are its head.
        boundary: where the id that crosses it belongs: head, as the paper has it, or tail, as its code does, where the
            likeliest id is in the head all the same.
        texts, teacher, top_k, temperature, temperature_squared, cross_entropy_weight, dtype: see `TokenDistillation`.

    Source: AKL, Wu et al. 2024, https://arxiv.org/abs/2404.02657, section 4.
    """

    MEANING: ClassVar[Mapping[str, int]] = {"boundary=tail": 2}
    whole_vocabulary = True

    head_mass: float
    boundary: Boundary

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.head_mass <= 1:
            raise ConfigError(f"objective.head_mass={self.head_mass} must be above 0 and at most 1")

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return adaptive_kl(log_p, log_q, self.head_mass, self.boundary)
