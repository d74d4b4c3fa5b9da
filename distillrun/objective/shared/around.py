"""The base of objectives that use more of a teacher than its texts: the text objective, and hooks without effect."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn

from distillrun.interfaces import ObjectiveContext
from distillrun.objective.shared.same_texts import SameTexts
from distillrun.records import Json, TargetPair, TrainingItem


@dataclass(eq=False)
class AroundTexts(SameTexts):
    """The targets, queries and reading of a text objective; subclasses add the losses.

    Args:
        texts: any objective that learns texts.
    """

    _context: ObjectiveContext | None = field(init=False, default=None, repr=False)

    @property
    def context(self) -> ObjectiveContext:
        """Student, teacher and task. Raises RuntimeError before `start`."""
        if self._context is None:
            raise RuntimeError("the objective was not started; call start() first")
        return self._context

    def start(self, context: ObjectiveContext) -> None:
        self._context = context

    def is_taught(self, pair: TargetPair) -> bool:
        return pair.view in self.texts.weights

    def modules(self) -> nn.ModuleDict:
        return nn.ModuleDict()

    def prepare(
        self, step: int, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        return [list(own) for own in pairs]

    def end_step(self) -> dict[str, float]:
        return {}

    def after_check(self, dev_loss: Callable[[], float]) -> None:
        return

    def state(self) -> Mapping[str, Json]:
        return {}

    def load_state(self, state: Mapping[str, Json]) -> None:
        return
