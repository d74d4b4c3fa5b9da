"""The texts of another objective, whose tokens cost something else than their negative log-likelihood."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import TokenLossObjective
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.loss.token_loss import PositionCost
from distillrun.objective.shared.same_texts import SameTexts
from distillrun.objective.shared.view import weighted_views


@dataclass(eq=False)
class OwnLoss(SameTexts, ABC):
    """A text objective with another loss per token, which subclasses define; alone or as the texts of other objectives.

    Args:
        texts: what is read and written: any objective that learns texts, without a loss of its own.
    """

    weights: Mapping[str, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.texts, TokenLossObjective):
            raise ConfigError(
                f"objective.texts is {type(self.texts).__name__}, which has a loss of its own, and so has "
                f"{type(self).__name__}; put the texts themselves here, such as objective@objective.texts=multitask"
            )
        self.weights = self.texts.weights

    @abstractmethod
    def token_loss(self, labels: Tensor) -> PositionCost:
        """Return what learnt positions cost, see `TokenLossObjective`."""

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return weighted_views(outputs, counts, self.weights, self.token_loss)
