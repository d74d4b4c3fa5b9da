"""The interfaces of objectives: ways to train a student."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from distillrun.interfaces.model import ChoiceModel, LanguageModel
from distillrun.interfaces.task import Task
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.loss.token_loss import PositionCost, TokenLoss, token_nll
from distillrun.records import (
    Answer,
    Example,
    Json,
    Query,
    Question,
    Reply,
    Requirements,
    Segment,
    TargetPair,
    TeacherRecord,
    TrainingItem,
)


@dataclass(frozen=True, slots=True)
class ObjectiveContext:
    """The resources of an active objective during training.

    Attributes:
        student: the student, before its first step.
        teacher: the teacher in memory, never trained; None where it is not wished for.
        task: how answers are read.
        max_steps: of the whole training.
        tokens_per_batch: the most tokens of a batch while sampling.
        longest_target: returns how many tokens the longest given target has, with EOS.
    """

    student: ChoiceModel
    teacher: LanguageModel | None
    task: Task
    max_steps: int
    tokens_per_batch: int
    longest_target: Callable[[], int] = lambda: 128


@runtime_checkable
class StudentObjective(Protocol):
    """A way to train a student: the texts that it sees, and the loss on its outputs.

    `needs` names the kinds of rationale that it learns from; where it is empty, no teacher is asked.
    """

    @property
    def needs(self) -> frozenset[str]: ...

    def targets(self, example: Example, record: TeacherRecord | None, task: Task, seed: int) -> Sequence[TargetPair]:
        """Return the pairs of one example in one step. Random choices draw from `seed` alone, fresh for each step."""

    def query(self, example: Example, task: Task) -> Query: ...

    def read(self, answer_text: str, explain_text: str | None) -> Reply:
        """Split what the student wrote into the part that holds the answer and the rationale."""

    def continuation(self, example: Example, choice: Answer, task: Task, rationale: str) -> tuple[Segment, ...]:
        """Return what the student would write after `query(...).answer` to give this answer.

        Segments that are not learnt are context: a student that reasons first is given its own `rationale`.
        """

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        """Return a micro-batch's share of the step's loss; `counts` are those of the whole step, so shares add up.

        Rows of views that are not its own cost nothing.
        """


@runtime_checkable
class TextObjective(StudentObjective, Protocol):
    """An objective that learns texts alone: the mean over each view's tokens of what they cost, weighted.

    A token costs its negative log-likelihood, unless the objective keeps `TokenLossObjective` too.
    """

    weights: Mapping[str, float]
    """View -> its weight in the loss."""


@runtime_checkable
class TokenLossObjective(TextObjective, Protocol):
    """A text objective whose tokens cost something else, alone and as the texts of any other objective."""

    def token_loss(self, labels: Tensor) -> PositionCost:
        """Return what the learnt positions of labels [N, T] cost, as a `TokenLoss`.

        A position's cost depends on its own logits, and on the labels of its row.
        """


@runtime_checkable
class SelectiveObjective(StudentObjective, Protocol):
    """An objective that tells by itself which records it can learn from, where the kinds that it `needs` do not."""

    def can_learn(self, record: TeacherRecord) -> bool: ...


@runtime_checkable
class ChoiceObjective(StudentObjective, Protocol):
    """An objective from which a student that writes nothing can learn, or a writing one in addition to its texts."""

    def choice_loss(self, model: ChoiceModel, questions: Sequence[Question], chosen: Sequence[int]) -> Loss:
        """Return the share of the step's loss that the chosen ones of its questions have; shares add up."""


@runtime_checkable
class ActiveObjective(StudentObjective, Protocol):
    """An objective that needs more than texts: a teacher at hand, weights of its own, samples, or a memory."""

    @property
    def requirements(self) -> Requirements: ...

    def start(self, context: ObjectiveContext) -> None:
        """Take up what it works with, before the first step and before a resumed state is loaded.

        Raises:
            ConfigError: it cannot work with this student or this teacher.
        """

    def is_taught(self, pair: TargetPair) -> bool:
        """Return whether what the teacher expects is wanted for a pair."""

    def modules(self) -> nn.ModuleDict:
        """Return what is trained with the student and not saved with it; known after `start`."""

    def prepare(
        self, step: int, visits: Sequence[TrainingItem], pairs: Sequence[Sequence[TargetPair]]
    ) -> list[list[TargetPair]]:
        """Return the pairs of a step, one list for each visit, as they are to be learnt: sampled ones among them."""

    def end_step(self) -> dict[str, float]:
        """Take note of the losses of a step; return values to log."""

    def after_check(self, dev_loss: Callable[[], float]) -> None:
        """Take note of a dev check, the first one before any training.

        `dev_loss` computes the mean negative log-likelihood per token of the right answers.
        """

    def state(self) -> Mapping[str, Json]:
        """Return the state that a resume needs, in addition to the weights of `modules`."""

    def load_state(self, state: Mapping[str, Json]) -> None:
        """Take up what `state` returned."""


def token_loss_of(objective: StudentObjective) -> TokenLoss:
    """Return what the tokens of an objective's texts cost: their negative log-likelihood, where it has no other."""
    return objective.token_loss if isinstance(objective, TokenLossObjective) else token_nll


def requirements_of(objective: StudentObjective) -> Requirements:
    """Return the requirements of an objective in addition to texts: none, where it is not an active one."""
    return objective.requirements if isinstance(objective, ActiveObjective) else Requirements()
