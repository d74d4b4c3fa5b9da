"""The node of a measure: what it looks at, whom it may ask, and the services that it may call on."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from distillrun.artifacts import Artifact, Stage, digest
from distillrun.interfaces import (
    AnyTeacher,
    AskingMetric,
    ChoiceModel,
    LogitTeacher,
    Metric,
    MetricContext,
    Student,
    Teacher,
    WritingStudent,
)
from distillrun.journal.client import spent_by
from distillrun.journal.context import JournaledContext
from distillrun.journal.usage import Usage
from distillrun.objective.label_only import LabelOnly
from distillrun.pipeline.experiment import Experiment, student_loader
from distillrun.pipeline.node import Making, Node, Seen
from distillrun.pipeline.outcome import Outcome
from distillrun.pipeline.stages.generation_run import GenerationRun
from distillrun.pipeline.stages.measure import finding_of, measure, measuring_stage
from distillrun.pipeline.stages.train import Training, train, training_stage
from distillrun.pipeline.stages.training_data import TrainingData
from distillrun.pipeline.student_as_teacher import student_as_teacher
from distillrun.records import Example, Prediction, TeacherRecord, content

JUDGING = "judging"
"""The step under whose name judges' replies are journaled: a reply is paid for once, whichever measure asks."""


@dataclass(frozen=True, kw_only=True)
class MetricNode(Node):
    """The node of one metric of the trained student.

    Attributes:
        experiment: whose measure it is.
        measure: its name in the config.
        reference: the steps in which the run's teacher gives what the measure wants for the test questions.
        references: the names of their nodes, which are made on demand.
    """

    experiment: Experiment
    measure: str
    reference: GenerationRun
    references: tuple[str, ...] = ()

    @property
    def wanted(self) -> Metric:
        """The measure itself."""
        return self.experiment.parts.measures[self.measure]

    def stage(self, seen: Seen) -> Stage:
        """Return the stage of the finding."""
        upstream = seen.upstream(name for name in self.needs if name not in self.references)
        upstream |= {f"reference/{seen.stages[one].name}": seen.stages[one].fingerprint for one in self.references}
        config = self.experiment.config.evaluators[self.measure]
        return measuring_stage(self.measure, config, upstream | _answering(self.experiment, self.wanted))

    def make(self, stage: Stage, making: Making) -> Artifact:
        """Take the measure, or find it taken."""
        usage, outcome = Usage(), making.outcome
        judges = self.wanted.judges if isinstance(self.wanted, AskingMetric) else {}
        with ExitStack() as scratch:
            services = _Services(self, making, usage, scratch)
            try:
                return measure(
                    making.store, stage, self.wanted, services.answered(), self.experiment.config.runtime.progress
                )
            finally:
                for judge in judges.values():
                    judge.release()
                    outcome.ledgers |= spent_by(making.store.root, judge)
                if usage.requests:
                    outcome.asked[self.measure] = usage

    def note(self, made: Artifact, outcome: Outcome) -> None:
        """Note the result in the outcome."""
        outcome.findings[self.measure] = found = finding_of(made)
        outcome.add_tested(found.scores)


def after(measure: Metric) -> tuple[str, ...]:
    """Return the other measures whose findings a measure uses."""
    return measure.after if isinstance(measure, AskingMetric) else ()


def _answering(experiment: Experiment, measure: Metric) -> dict[str, str]:
    """Return whom a measure may ask or read, as digests: a name may mean another model later."""
    parts = experiment.parts
    everyone: dict[str, AnyTeacher] = {}
    if isinstance(measure, AskingMetric):
        everyone |= {f"judge/{name}": judge for name, judge in measure.judges.items()}
        everyone["teacher"] = parts.teacher
    if isinstance(parts.logit_teacher, LogitTeacher):
        everyone["logit_teacher"] = parts.logit_teacher
    return {name: digest(dict(one.identity())) for name, one in everyone.items() if isinstance(one, Teacher)}


@dataclass(frozen=True)
class _Services:
    """The resources of a metric while it is computed."""

    node: MetricNode
    making: Making
    usage: Usage
    scratch: ExitStack

    def answered(self) -> MetricContext:
        """Return what the measure is given."""
        experiment, outcome, wanted = self.node.experiment, self.making.outcome, self.node.wanted
        parts = experiment.parts
        return MetricContext(
            task=parts.task,
            objective=parts.objective,
            examples=experiment.examples["test"],
            dev=experiment.examples["dev"],
            predictions=outcome.predictions.get(wanted.of, ()),
            trained_on=outcome.taught or experiment.examples["train"],
            records=outcome.records,
            student=self.making.student(experiment, "train"),
            untrained=self._untrained,
            reference=self._reference,
            answer=self._answer,
            speaker=self._speaker,
            teacher=parts.teacher,
            logit_teacher=parts.logit_teacher,
            judging=self._context(),
            findings={name: outcome.findings[name] for name in after(wanted)},
            teach=self._teach,
            tokens_per_batch=experiment.config.runtime.tokens_per_batch,
        )

    def _reference(self) -> list[TeacherRecord]:
        generation = self.node.reference
        try:
            generation.taken_in(
                {name.removeprefix("reference/"): self.making.made(name) for name in self.node.references}
            )
        finally:
            for teacher in generation.teachers if self.node.references else ():
                teacher.release()
                self.making.outcome.ledgers |= spent_by(self.making.store.root, teacher)
        return generation.handed(self.node.wanted.wants)

    def _context(self) -> JournaledContext:
        config, parts = self.node.experiment.config, self.node.experiment.parts
        forgiving = replace(config.generation, max_failed_share=1.0)  # what a judge cannot tell is counted, not fatal
        progress = config.runtime.progress
        return JournaledContext(
            self.making.store.root, JUDGING, parts.task, parts.teacher, (), forgiving, progress, self.usage
        )

    @cached_property
    def _untrained(self) -> Callable[[], ChoiceModel]:
        return student_loader(self.node.experiment, None, lambda: self.making.embeddings("dev", "test"))

    def _answer(self, student: Callable[[], ChoiceModel], examples: Sequence[Example]) -> list[Prediction]:
        parts, runtime = self.node.experiment.parts, self.node.experiment.config.runtime
        rule = parts.evaluators[self.node.wanted.of]
        return rule.predict(student(), parts.objective, examples, parts.task, runtime.tokens_per_batch)

    def _speaker(self, trained: bool) -> Teacher | None:
        """Return the student as a teacher where it writes; one that was not trained is written into a folder for it."""
        experiment = self.node.experiment
        if not isinstance(experiment.parts.student, WritingStudent):
            return None
        device = experiment.config.runtime.device
        if trained:
            return student_as_teacher(self.making.seen.artifacts["train"].folder / "student", device)
        folder = Path(self.scratch.enter_context(TemporaryDirectory(prefix="untrained-")))
        self._untrained().save(folder)
        return student_as_teacher(folder, device)

    def _teach(self, pupil: Student, examples: Sequence[Example], steps: int) -> ChoiceModel:
        """Train a student of the measure's own on labels, as the train stage trains any student."""
        experiment = self.node.experiment
        config, parts = experiment.config, experiment.parts
        warmup = min(config.training.warmup_steps, steps // 10)
        settings = replace(config.training, max_steps=steps, warmup_steps=warmup, eval_every=0)
        training = Training(
            pupil,
            LabelOnly("{question}", "{answer}"),
            parts.task,
            TrainingData(examples, experiment.examples["dev"], None),
            {"measure": config.evaluators[self.node.measure], "student": dict(pupil.identity())},
            settings,
            config.runtime,
        )
        upstream = {"examples": digest([content(one) for one in examples])}
        stage = training_stage(training.part_settings, settings, upstream)
        trained = train(self.making.store, stage, training, lambda metrics, step: None)
        return pupil.load(trained.folder / "student")
