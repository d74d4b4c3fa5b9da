"""The interfaces of scoring rules and metrics, and the context of a metric."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from distillrun.interfaces.generation import GenerationContext
from distillrun.interfaces.model import ChoiceModel
from distillrun.interfaces.objective import StudentObjective
from distillrun.interfaces.student import Student
from distillrun.interfaces.task import Task
from distillrun.interfaces.teacher import AnyTeacher, Teacher
from distillrun.records import Example, MetricResult, Prediction, Score, TargetPair, TeacherRecord


@runtime_checkable
class Scorer(Protocol):
    """A scoring rule: `predict` costs compute and is stored, `score` is pure."""

    @property
    def rule(self) -> str:
        """One sentence for the report: what counts as an answer, and as a right one."""

    @property
    def reads_texts(self) -> bool:
        """True if it needs the texts that the student writes."""

    def predict(
        self,
        student: ChoiceModel,
        objective: StudentObjective,
        examples: Sequence[Example],
        task: Task,
        tokens_per_batch: int,
    ) -> list[Prediction]: ...

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> list[Score]:
        """Return scores with bare names such as `accuracy`; the stage puts the split in front."""


@runtime_checkable
class PromptingScorer(Scorer, Protocol):
    """A scoring rule with a prompt of its own, whatever the objective's is."""

    def asked(self, example: Example) -> TargetPair:
        """Return the prompt of a question and its longest answer, to find out whether they are too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricContext:
    """A student after its test, with everything that a measure may look at.

    Attributes:
        task, objective: as in the training.
        examples: the test questions.
        dev: the dev questions, to fit what must not be fitted on test.
        predictions: one per question, of the evaluator that the measure is `of`; empty where it is of none.
        trained_on: the training examples, and `records` what the teacher gave for them, one per example; None where
            it was asked for nothing.
        student, untrained: load the trained student, and the same one as it was before its training.
        reference: returns what the run's teacher gives for the test questions, one record per question, holding what
            the measure `wants`; it is asked when this is called, and kept as any teacher's work is.
        answer: lets the student that a function loads answer questions under the evaluator that the measure is `of`.
        speaker: returns the student, trained or not, as one that can be asked anything, as a teacher is, to be used
            while the measure is taken; None where it does not write.
        teacher, logit_teacher: the run's.
        judging: asks judges, speakers and teachers; what they say is kept and paid for once.
        findings: of the measures that this one comes `after`, by name.
        teach: trains a student of the measure's own on labels for so many steps; what it makes is kept, too.
        tokens_per_batch: the most tokens of a batch.
    """

    task: Task
    objective: StudentObjective
    examples: Sequence[Example]
    dev: Sequence[Example]
    predictions: Sequence[Prediction]
    trained_on: Sequence[Example]
    records: Sequence[TeacherRecord] | None
    student: Callable[[], ChoiceModel]
    untrained: Callable[[], ChoiceModel]
    reference: Callable[[], Sequence[TeacherRecord]]
    answer: Callable[[Callable[[], ChoiceModel], Sequence[Example]], list[Prediction]]
    speaker: Callable[[bool], Teacher | None]
    teacher: AnyTeacher
    logit_teacher: AnyTeacher
    judging: GenerationContext
    findings: Mapping[str, MetricResult]
    teach: Callable[[Student, Sequence[Example], int], ChoiceModel]
    tokens_per_batch: int


@runtime_checkable
class Metric(Protocol):
    """A property of a student in addition to its accuracy; it is measured after the scoring rules."""

    @property
    def rule(self) -> str:
        """One sentence for the report: what is measured, and how to read it."""

    @property
    def of(self) -> str:
        """The evaluator whose predictions it looks at; empty where it looks at none."""

    @property
    def wants(self) -> frozenset[str]:
        """The kinds of rationale that it wants of the run's teacher for the test questions, as a step `makes` them."""

    def measure(self, context: MetricContext) -> MetricResult: ...


@runtime_checkable
class AskingMetric(Metric, Protocol):
    """A metric that asks judges."""

    @property
    def judges(self) -> Mapping[str, Teacher]:
        """The judges by name."""

    @property
    def after(self) -> tuple[str, ...]:
        """Other measures whose findings it uses, and which are taken before it."""

    def check(self, teachers: Collection[str]) -> list[str]:
        """Return why a judge may not judge a student of teachers of these names, before any work; empty if all may."""

    def foresee(self, context: MetricContext) -> None:
        """Ask what `measure` asks, of a context that only counts it: no model is loaded, and texts are placeholders."""
