"""What a trained student is worth: every scoring rule, then every measure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from distillrun.artifacts import ArtifactStore, digest
from distillrun.interfaces import (
    Answered,
    AskingMeasure,
    ChoiceModel,
    Measure,
    Student,
    Teacher,
    WritingStudent,
)
from distillrun.journal.client import spent_by
from distillrun.journal.context import JournaledContext
from distillrun.journal.usage import Usage
from distillrun.objective.label_only import LabelOnly
from distillrun.records import Example, Prediction, TeacherRecord
from distillrun.run.experiment import Experiment, student_loader
from distillrun.run.metric_inputs import after, measuring, reference_line
from distillrun.run.result import Outcome
from distillrun.run.stages.evaluate import evaluate, predictions_of, scores_of
from distillrun.run.stages.generation_run import GenerationLine
from distillrun.run.stages.measure import Measuring, finding_of, measure
from distillrun.run.stages.train import train
from distillrun.run.stages.training_data import Lesson
from distillrun.run.student_as_teacher import speaker_of

JUDGING = "judging"
"""The step under whose name judges' replies are journaled: a reply is paid for once, whichever measure asks."""


def assess(experiment: Experiment, store: ArtifactStore, outcome: Outcome) -> None:
    """Score the trained student by every rule, then take every measure of it, noting all of it in the outcome."""
    student = student_loader(experiment, outcome.stages["train"])
    tested = {name: outcome.stages[name].fingerprint for name in ("load/test", "train")}
    score(experiment, store, outcome, student, tested)
    for name, wanted in experiment.parts.measures.items():
        _Measurement(experiment, store, outcome, name, wanted, student).take()


def score(
    experiment: Experiment,
    store: ArtifactStore,
    outcome: Outcome,
    student: Callable[[], ChoiceModel],
    upstream: Mapping[str, str],
) -> None:
    """Score a student by every rule of a run.

    Args:
        experiment: the run.
        store: where artifacts are.
        outcome: is given the predictions and the scores.
        student: loads the student, if it has to answer at all.
        upstream: the fingerprints of the test questions and of the student.
    """
    config, parts = experiment.config, experiment.parts
    examples = experiment.examples["test"]
    for name, evaluator in parts.evaluators.items():
        leaf = config.evaluators[name]
        made = evaluate(
            store, name, evaluator, leaf, student, parts.objective, parts.task, examples, upstream, config.runtime
        )
        outcome.stages[f"evaluate/{name}"] = made
        outcome.predictions[name] = predictions_of(made)
        outcome.add_scores([replace(score, name=f"test/{score.name}") for score in scores_of(made)])


def asked(line: GenerationLine, outcome: Outcome, kinds: Collection[str]) -> list[TeacherRecord]:
    """Let a teacher answer the test questions, or find them answered.

    Args:
        line: the steps in which it does.
        outcome: is given the artifacts, and what was asked just now.
        kinds: of what the steps make.
    """
    try:
        for name, artifact in line.run(outcome.stages["load/test"].fingerprint):
            outcome.stages[f"reference/{name}"] = artifact
    finally:
        outcome.asked |= {f"reference/{name}": usage for name, usage in line.asked.items() if usage.requests}
        line.shared.teacher.release()
    return line.handed(kinds)


@dataclass(frozen=True)
class _Measurement:
    """One measure of one student, and the services that it may call on."""

    experiment: Experiment
    store: ArtifactStore
    outcome: Outcome
    name: str
    wanted: Measure
    student: Callable[[], ChoiceModel]
    usage: Usage = field(default_factory=Usage)

    def take(self) -> None:
        """Take the measure, or find it taken, and note it."""
        outcome, shown = self.outcome, self.experiment.config.runtime.progress
        judges = self.wanted.judges if isinstance(self.wanted, AskingMeasure) else {}
        with ExitStack() as scratch:
            try:
                made = measure(self.store, self._measuring(), self._answered(scratch), shown)
            finally:
                for judge in judges.values():
                    judge.release()
                    outcome.ledgers |= spent_by(self.store.root, judge)
        if self.usage.requests:
            outcome.asked[self.name] = self.usage
        outcome.stages[f"evaluate/{self.name}"] = made
        outcome.findings[self.name] = found = finding_of(made)
        outcome.add_scores([replace(score, name=f"test/{score.name}") for score in found.scores])
        if self.wanted.wants:
            outcome.ledgers |= spent_by(self.store.root, self.experiment.parts.teacher)

    def _measuring(self) -> Measuring:
        stages = {name: made.fingerprint for name, made in self.outcome.stages.items()}
        return measuring(self.experiment, self.store, self.name, stages)

    def _answered(self, scratch: ExitStack) -> Answered:
        experiment, outcome = self.experiment, self.outcome
        parts = experiment.parts
        return Answered(
            task=parts.task,
            objective=parts.objective,
            examples=experiment.examples["test"],
            predictions=outcome.predictions.get(self.wanted.of, ()),
            taught=outcome.taught or experiment.examples["train"],
            records=outcome.records,
            student=self.student,
            untrained=self._untrained,
            reference=self._reference,
            answer=self._answer,
            speaker=lambda trained: self._speaker(trained, scratch),
            teacher=parts.teacher,
            logit_teacher=parts.logit_teacher,
            context=self._context(),
            findings={name: outcome.findings[name] for name in after(self.wanted)},
            teach=self._teach,
            tokens_per_batch=experiment.config.runtime.tokens_per_batch,
        )

    def _reference(self) -> list[TeacherRecord]:
        line = reference_line(self.experiment, self.store, self.wanted.wants)
        return asked(line, self.outcome, self.wanted.wants)

    def _context(self) -> JournaledContext:
        config, parts = self.experiment.config, self.experiment.parts
        forgiving = replace(config.generation, max_failed_share=1.0)  # what a judge cannot tell is counted, not fatal
        progress = config.runtime.progress
        return JournaledContext(
            self.store.root, JUDGING, parts.task, parts.teacher, (), forgiving, progress, self.usage
        )

    @cached_property
    def _untrained(self) -> Callable[[], ChoiceModel]:
        return student_loader(self.experiment, None)

    def _answer(self, student: Callable[[], ChoiceModel], examples: Sequence[Example]) -> list[Prediction]:
        parts, runtime = self.experiment.parts, self.experiment.config.runtime
        rule = parts.evaluators[self.wanted.of]
        return rule.predict(student(), parts.objective, examples, parts.task, runtime.tokens_per_batch)

    def _speaker(self, trained: bool, scratch: ExitStack) -> Teacher | None:
        """Return the student as a teacher where it writes; one that was not trained is written into a folder for it."""
        if not isinstance(self.experiment.parts.student, WritingStudent):
            return None
        device = self.experiment.config.runtime.device
        if trained:
            return speaker_of(self.outcome.stages["train"].folder / "student", device)
        folder = Path(scratch.enter_context(TemporaryDirectory(prefix="untrained-")))
        self._untrained().save(folder)
        return speaker_of(folder, device)

    def _teach(self, pupil: Student, examples: Sequence[Example], steps: int) -> ChoiceModel:
        """Train a student of the measure's own on labels, as the train stage trains any student."""
        config, parts = self.experiment.config, self.experiment.parts
        training = replace(
            config.training, max_steps=steps, warmup_steps=min(config.training.warmup_steps, steps // 10), eval_every=0
        )
        trained = train(
            self.store,
            pupil,
            LabelOnly("{question}", "{answer}"),
            parts.task,
            Lesson(examples, self.experiment.examples["dev"], None),
            {"measure": config.evaluators[self.name], "student": dict(pupil.identity())},
            training,
            config.runtime,
            {"examples": digest([asdict(example) for example in examples])},
            lambda metrics, step: None,
            lambda student: (None, None),
        )
        return pupil.load(trained.folder / "student")
