"""The base of the divergences: texts, the source of the teacher's distributions, temperature and mixing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import token_loss_of
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.shared.around import AroundTexts
from distillrun.objective.shared.distilled import ViewWeight, distilled_views
from distillrun.objective.shared.view import check_weight
from distillrun.records import LogitRequest, Requirements, TargetPair

Where = Literal["stored", "live"]
Dtype = Literal["float16", "float32"]
SAMPLED = "sampled"
"""The end of the view of a target that a model wrote while the student trains: its tokens are not labels."""


@dataclass(eq=False)
class TokenDistillation(AroundTexts, ABC):
    """A divergence between next-token distributions of student and teacher on the texts of a text objective.

    L = sum over views of weight x [cross_entropy_weight x CE + (1 - cross_entropy_weight) x T^2 x D], each the mean
    over the view's own tokens. T^2 keeps the gradient of D as large as that of CE whatever the temperature (Hinton et
    al. 2015, https://arxiv.org/abs/1503.02531, section 2); `temperature_squared=false` leaves it out.

    CE is what the tokens of `texts` cost: their negative log-likelihood, or its own loss. Subclasses define D, mostly
    by a function of `loss/divergence.py`; `shared/distilled.py` sums both up over the positions of a batch.

    Args:
        texts: what is read and written: any objective that learns texts.
        teacher: stored: its distributions are read once, before the training, and kept for all runs that share the
            texts; live: it stays in memory.
        top_k: how many of its likeliest ids are kept at each position and one bucket for all others, which is
            compared as one; None = all ids.
        temperature: of teacher and student in D, above 0.
        temperature_squared: multiply D by the squared temperature.
        cross_entropy_weight: share of the labels, 0 to 1.
        dtype: of stored log-probs. In float16 a log-prob is off by up to 0.05 % of itself, and a divergence near 0 by
            as much as its terms.
    """

    teacher: Where
    top_k: int | None
    temperature: float
    temperature_squared: bool
    cross_entropy_weight: float
    dtype: Dtype

    whole_vocabulary: ClassVar[bool] = False
    """Whether D is only defined over all ids."""

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ConfigError(f"objective.temperature={self.temperature} must be above 0")
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"objective.top_k={self.top_k} must be 1 or more, or null for all ids")
        if self.whole_vocabulary and self.top_k is not None:
            raise ConfigError(
                f"objective.top_k={self.top_k} leaves one bucket for all other ids, but {type(self).__name__} compares "
                "ids one by one; set objective.top_k=null"
            )
        check_weight("cross_entropy_weight", self.cross_entropy_weight)

    @property
    def requirements(self) -> Requirements:
        return Requirements(self.teacher, LogitRequest(self.top_k, self.temperature, self.dtype))

    @abstractmethod
    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        """Return how far the student is from the teacher, [P] from log-probs [P, B] over the same ids."""

    def is_taught(self, pair: TargetPair) -> bool:
        return pair.view.removesuffix(f"/{SAMPLED}") in self.texts.weights

    def _view_weights(self, sampled: float) -> dict[str, ViewWeight]:
        weights = {}
        scale = self.temperature**2 if self.temperature_squared else 1.0
        for view, weight in self.texts.weights.items():
            given = (1 - sampled) * weight
            labels = self.cross_entropy_weight
            weights[view] = ViewWeight(given * labels, given * (1 - labels) * scale)
            weights[f"{view}/{SAMPLED}"] = ViewWeight(0.0, sampled * weight * scale)
        return weights

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return self.shared_loss(outputs, counts, sampled=0.0)

    def shared_loss(self, outputs: StudentOutputs, counts: Mapping[str, Count], sampled: float) -> Loss:
        """Return the loss where sampled targets have this share of it, and given ones the rest."""
        weights, cost = self._view_weights(sampled), token_loss_of(self.texts)
        return distilled_views(outputs, counts, weights, self.temperature, self.divergence, cost)
