"""The interface of benchmarks."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from distillrun.interfaces.scorer import AnswerScorer
from distillrun.records import Answer, Example, FreeAnswer, Json, SolvedExample, Split

LabelSource = Literal["gold", "teacher", "teacher_where_missing"]
"""Where the labels of the training examples come from. gold: their files. teacher: the teacher's own answers; what the
files say is shown to nobody. teacher_where_missing: the files and, where they give no answer, the teacher."""


@runtime_checkable
class Task(Protocol):
    """A benchmark: its questions, how a question and an answer are written, and how an answer is read."""

    def check(self) -> list[str]:
        """Return what is wrong with the settings, such as a missing folder, before any work; empty if nothing is."""

    def examples(self, split: Split) -> list[Example]:
        """Return the examples of a split, in a fixed order. Raises ConfigError naming file and line of a bad row."""

    def source(self) -> Mapping[str, Json]:
        """Return where the examples came from (files, or Hub name and the commit it resolved to), for the record."""

    def question(self, example: Example) -> str:
        """Return the question with its choices, as teachers read it."""

    def student_question(self, example: Example) -> str:
        """Return the question as students read it: with its choices, unless all questions have the same ones."""

    def answer(self, example: Example, choice: Answer) -> str:
        """Return how a choice, or a text in free form, is written as an answer.

        `parse(answer(e, c), e)` names the same text as choice c.

        It depends on the choices of the example, and on nothing else of it.
        """

    def parse(self, text: str, example: Example) -> Answer | None:
        """Return what a text answers: a choice or, where the question has none, a text; None = unparsed.

        It never evaluates the text.
        """


@runtime_checkable
class LabelTask(Task, Protocol):
    """A task whose questions all have the same choices in the same order: its labels."""

    def labels(self) -> tuple[str, ...]:
        """Return the labels in their order."""


@runtime_checkable
class LabelSetTask(LabelTask, Protocol):
    """A label task whose texts may have several labels each, or none: the `answers` of an example."""

    @property
    def multi_label(self) -> bool: ...

    def parse_labels(self, text: str, example: Example) -> tuple[int, ...] | None:
        """Return all labels that a text names, ascending; None = unparsed."""


def has_label_sets(task: Task) -> bool:
    """Return whether the texts of a task have several labels each."""
    return isinstance(task, LabelSetTask) and task.multi_label


@runtime_checkable
class ScopedTask(Task, Protocol):
    """A task that knows texts to which none of its labels belongs."""

    def out_of_scope(self, split: Split) -> list[Example]:
        """Return the texts of a split without any of the labels; `examples` leaves them out, so none is learnt."""


def out_of_scope(task: Task, split: Split) -> list[Example]:
    """Return the texts of a split to which none of a task's labels belongs; empty where it knows none."""
    return task.out_of_scope(split) if isinstance(task, ScopedTask) else []


@runtime_checkable
class FreeFormTask(Task, Protocol):
    """A task whose questions have no choices: answers are texts (`FreeAnswer`), which a scorer grades."""

    @property
    def scorer(self) -> AnswerScorer: ...

    def reading(self) -> Mapping[str, Json]:
        """Return what decides how answers are read and graded, for the fingerprints of stages that do so."""

    def an_answer(self) -> FreeAnswer:
        """Return a placeholder in the form of the task's answers, for a plan."""


@runtime_checkable
class RationaleTask(Task, Protocol):
    """A task whose files hold rationales of the right answers, too."""

    def rationale(self, example: Example) -> str:
        """Return the rationale that the files give for a question; empty where they give none."""


@runtime_checkable
class TaskWithLabelSource(Task, Protocol):
    """A task whose training examples may have no answers of their own."""

    @property
    def label_source(self) -> LabelSource: ...


def label_source_of(task: Task) -> LabelSource:
    """Return where a task's training labels come from: its files, unless it says otherwise."""
    return task.label_source if isinstance(task, TaskWithLabelSource) else "gold"


@runtime_checkable
class FileTask(Task, Protocol):
    """A task that reads rows of a user's files, so that a student can be asked about others in the same columns."""

    @property
    def encoding(self) -> str | None:
        """The encoding of its text files; None = UTF-8, or what a byte-order mark says."""

    def unanswered(self, where: str, values: Mapping[str, Any]) -> Example:
        """Return the question of a row, which needs no answer.

        Args:
            where: file and line, for messages; they stand for an id, too.
            values: of the row's columns.

        Raises:
            ConfigError: a column is not there or holds something else.
        """


@runtime_checkable
class PlacedTask(Task, Protocol):
    """A task that knows in which file and line an example stands."""

    def where(self, name: str) -> str:
        """Return the place of the example with this id."""


@runtime_checkable
class DemonstratingTask(Task, Protocol):
    """A task that says which of its rows prompts may show as solved."""

    def solved(self) -> Sequence[SolvedExample] | None:
        """Return the rows of a file of them, or the training rows whose right answers may be shown; None = all."""


@runtime_checkable
class SlicedTask(Task, Protocol):
    """A task whose test questions are also scored by what they have in common."""

    def slices(self) -> Mapping[str, Sequence[str]]:
        """Return the slices of each test question by its id, such as `topic=physics`; empty where none are wanted."""


def slices_of(task: Task) -> Mapping[str, Sequence[str]]:
    """Return the slices of a task's test questions by their ids; empty where it has none."""
    return task.slices() if isinstance(task, SlicedTask) else {}
