"""The interfaces of generation steps, in which a teacher's data is made."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from distillrun.interfaces.task import Task
from distillrun.interfaces.teacher import AnyTeacher
from distillrun.records import Completion, Example, Prompt, Sampling, ScoredContinuation, TeacherRecord

Refuse = Callable[[int, str], str | None]
"""(index of the prompt, a completion's text) -> why the text cannot be used, None if it can."""


class GenerationContext(Protocol):
    """The resources of a generation step."""

    @property
    def task(self) -> Task: ...

    @property
    def teacher(self) -> AnyTeacher:
        """The run's teacher."""

    @property
    def seed(self) -> int: ...

    @property
    def held_out(self) -> Sequence[Example]:
        """The dev and test questions, for keeping new questions away from them, and for nothing else."""

    def complete(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        by: AnyTeacher | None = None,
        refuse: Refuse | None = None,
        only_one: bool = False,
    ) -> Iterator[tuple[Completion, ...]]:
        """Yield the completions of each prompt, in the order of the prompts, `sampling.samples` of them.

        An ensemble in which all answer gives so many for each member. Each completion is in the journal before it is
        seen here, and one that is there already is not asked again. Where `refuse` finds a text unusable, another
        sample is drawn, `generation.attempts` in all, unless sampling is greedy; the last one then comes with the
        `reason`. So do requests that failed in themselves.

        Args:
            prompts: what to ask.
            sampling: how to draw.
            by: one of the step's own `teachers`; None = the run's.
            refuse: judges a text.
            only_one: the step can use one completion of each prompt alone; before anything is asked, an ensemble in
                which all answer is refused.

        Raises:
            ConfigError: `only_one` cannot be, or more than `generation.max_failed_share` of the texts are unusable.
        """

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], by: AnyTeacher | None = None
    ) -> Iterator[tuple[ScoredContinuation, ...]]:
        """Yield the scores of each prompt's continuations, in order, from the journal or from the teacher."""


Tag = Literal["labeling", "expansion", "curation", "feature", "feedback", "self-knowledge"]
"""How knowledge is drawn from a teacher: the survey's ways of elicitation, https://arxiv.org/abs/2402.13116."""


@runtime_checkable
class GenerationStep(Protocol):
    """One step of data generation, cached by itself.

    `needs` and `makes` name what steps hand on: initial, critique, revised, counterfactual, answers, verdicts,
    choice_scores, examples. A step sees what earlier steps made of what it needs, and nothing else, so that it is never
    run again because of another step. Where two steps make the same, the later one's takes the place of the earlier
    one's.
    """

    @property
    def needs(self) -> frozenset[str]: ...

    @property
    def makes(self) -> frozenset[str]: ...

    @property
    def asks(self) -> frozenset[str]:
        """The requests that the run's teacher must serve, as in `Teacher.can`."""

    @property
    def teachers(self) -> tuple[AnyTeacher, ...]:
        """Its own teachers, which it asks instead of the run's or in addition to it."""

    @property
    def tags(self) -> tuple[Tag, ...]: ...

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        """Yield one record per example, in order, holding what this step makes of the record that it was given."""


@runtime_checkable
class ExpansionStep(GenerationStep, Protocol):
    """A step that makes new examples to train on; later steps treat them as any others. Its `run` adds nothing."""

    def expand(
        self, examples: Sequence[Example], context: GenerationContext
    ) -> tuple[Sequence[Example], Mapping[str, int]]:
        """Return new examples, with ids of their own, and how many candidates there were and each filter removed."""


@runtime_checkable
class AnswerConditionedStep(GenerationStep, Protocol):
    """A step that may be told the right answers: of a question that has none, the teacher's own from an earlier step.

    Questions without either are not given to it.
    """

    @property
    def told_answers(self) -> bool:
        """True if it is told the right answers."""


def is_told_answers(step: GenerationStep) -> bool:
    """Return whether a step is told the right answers."""
    return isinstance(step, AnswerConditionedStep) and step.told_answers
