"""The base of objectives that use more of a teacher than its texts: the text objective, and hooks without effect."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn

from distillrun.interfaces import ObjectiveContext, Task, TextObjective
from distillrun.records import Example, Json, Query, Reply, Segment, TargetPair, TeacherRecord, TrainingItem


@dataclass(eq=False)
class AroundTexts:
    """The targets, queries and reading of a text objective; subclasses add the losses.

    Args:
        texts: any objective that learns texts.
    """

    texts: TextObjective
    _companions: ObjectiveContext | None = field(init=False, default=None, repr=False)

    @property
    def needs(self) -> frozenset[str]:
        return self.texts.needs

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        return self.texts.targets(example, record, task, seed)

    def query(self, example: Example, task: Task) -> Query:
        return self.texts.query(example, task)

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        return self.texts.read(answer_text, explain_text)

    def continuation(self, example: Example, choice: int, task: Task, rationale: str) -> tuple[Segment, ...]:
        return self.texts.continuation(example, choice, task, rationale)

    @property
    def companions(self) -> ObjectiveContext:
        """Student, teacher and task. Raises RuntimeError before `start`."""
        if self._companions is None:
            raise RuntimeError("the objective was not started; call start() first")
        return self._companions

    def start(self, lesson: ObjectiveContext) -> None:
        self._companions = lesson

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
