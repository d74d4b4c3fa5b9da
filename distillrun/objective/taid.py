"""Temporally adaptive interpolated distillation: a target that moves from the student to the teacher."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.divergence import forward_kl, interpolated
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.token_distillation import SAMPLED, TokenDistillation
from distillrun.records import Json

TINY = 1e-15


@dataclass(eq=False)
class TAID(TokenDistillation):
    """D = KL(teacher at t || student), where the teacher at t lies between the student (0) and the teacher (1).

    Its logits are (1 - t) z_student + t z_teacher, the student's without gradient. After each step, t rises by
    step_size x sigmoid(m) x (1 - t), where m is the momentum of the relative fall of D, and at least linearly from
    `start_share` to `end_share`. D is that of the whole step, on given and on written targets; a step in which nothing
    is learnt or t is 0 leaves m as it is. It needs all ids: a bucket has no logit. `loss/divergence.py`
    computes D, and `TokenDistillation` adds the cross-entropy.

    Args:
        start_share, end_share: t at the first and at the last step, from 0 to 1.
        step_size: of the adaptive rise.
        momentum: of the fall of D, from 0 to below 1.
        texts, teacher, top_k, temperature, temperature_squared, cross_entropy_weight, dtype: see `TokenDistillation`.

    Source: Shing et al. 2025, https://arxiv.org/abs/2501.16937, equations 3 to 7. D is the KL, not the cross-entropy
    of its code, whose change would mix in that of the teacher's entropy.
    """

    # a condition is compared as the text that a config has, so a start at 0 is written in both ways
    MEANING: ClassVar[Mapping[str, int]] = {"start_share=0": 2, "start_share=0.0": 2}

    start_share: float
    end_share: float
    step_size: float
    momentum: float
    share: float = field(init=False, repr=False)
    """t: what the losses of the current step use."""

    whole_vocabulary = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.start_share <= self.end_share <= 1:
            raise ConfigError(
                f"objective.start_share={self.start_share} and objective.end_share={self.end_share} must lie "
                "between 0 and 1, the first not above the second"
            )
        if not 0 <= self.momentum < 1 or self.step_size < 0:
            raise ConfigError(
                f"objective.momentum={self.momentum} must be from 0 to below 1, "
                f"and objective.step_size={self.step_size} 0 or more"
            )
        self.share = self.start_share
        self._fall = 0.0
        self._before: float | None = None
        self._now: float | None = None
        self._steps = 0

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return forward_kl(interpolated(log_p, log_q, self.share), log_q)

    def shared_loss(self, outputs: StudentOutputs, counts: Mapping[str, Count], sampled: float) -> Loss:
        loss = super().shared_loss(outputs, counts, sampled)
        weights = {f"{view}/divergence": (1 - sampled) * weight for view, weight in self.texts.weights.items()}
        weights |= {f"{view}/{SAMPLED}/divergence": sampled * weight for view, weight in self.texts.weights.items()}
        for name in weights.keys() & loss.parts.keys():
            self._now = (self._now or 0.0) + weights[name] * float(loss.parts[name])
        return loss

    def end_step(self) -> dict[str, float]:
        used, self._steps = self.share, self._steps + 1
        if used == 0:  # the teacher was the student itself: D is rounding
            self._now = None
        if self._now is not None and self._before is not None:
            fall = (self._before - self._now) / (self._before + TINY)
            self._fall = self.momentum * self._fall + (1 - self.momentum) * fall
        risen = self.share + self.step_size * (1 - self.share) * (1 + math.tanh(self._fall / 2)) / 2
        linear = self.start_share + (self.end_share - self.start_share) * min(self._steps / self.context.max_steps, 1.0)
        self.share = min(self.end_share, max(linear, risen))
        if self._now is not None:
            self._before = self._now
        self._now = None
        return {"taid_share": used}

    def state(self) -> Mapping[str, Json]:
        return {"share": self.share, "fall": self._fall, "before": self._before, "steps": self._steps}

    def load_state(self, state: Mapping[str, Json]) -> None:
        self.share, self._fall = float(str(state["share"])), float(str(state["fall"]))
        self._before = None if state["before"] is None else float(str(state["before"]))
        self._steps = int(str(state["steps"]))
