"""The nodes between generation and evaluation: the teacher's distributions are read, and the student is trained."""

import logging
from dataclasses import dataclass, field, replace

from distillrun.artifacts import Artifact, Stage
from distillrun.config.settings import Config
from distillrun.pipeline.experiment import Experiment, ready_student, student_settings, teaching_of
from distillrun.pipeline.long_texts import CutTexts, cut_targets, told_of
from distillrun.pipeline.node import Making, Node, Seen
from distillrun.pipeline.outcome import Outcome
from distillrun.pipeline.preflight_generation import wanted_kinds
from distillrun.pipeline.stages.generation_run import GenerationRun
from distillrun.pipeline.stages.logit_supervision import LogitSupervision
from distillrun.pipeline.stages.train import METRICS, Training, read_lines, train, training_stage
from distillrun.pipeline.stages.training_data import TrainingData, training_data_of
from distillrun.pipeline.stages.untrained import save_untrained, untrained_stage
from distillrun.pipeline.warm_start import Continued
from distillrun.records import Json
from distillrun.text.cut_samples import told_of_cut_samples

log = logging.getLogger("distillrun")


@dataclass(slots=True)
class Learning:
    """The training examples and records, known as soon as the generation steps are done.

    Attributes:
        experiment: whose student learns.
        generation: its generation steps.
        prefix: of the names of their nodes.
    """

    experiment: Experiment
    generation: GenerationRun
    prefix: str
    _known: tuple[TrainingData, LogitSupervision | None] | None = field(default=None)

    @property
    def cut(self) -> dict[str, CutTexts]:
        """How many of the texts that the student learns to write are cut."""
        return cut_targets(self.experiment.parts, self._known[0]) if self._known else {}

    @property
    def left_out(self) -> int:
        """The number of questions without anything from the teacher to train on."""
        return len(self.generation.examples) - len(self._known[0].train) if self._known else 0

    def known(self, seen: Seen) -> tuple[TrainingData, LogitSupervision | None] | None:
        """Return what is learnt from, and what is wanted of the teacher's distributions; None before it is there."""
        if self._known is None:
            made = {name: f"{self.prefix}generate/{name}" for name in self.generation.chosen}
            if not self.generation.taken_in(
                {n: seen.artifacts[node] for n, node in made.items() if node in seen.artifacts}
            ):
                return None
            experiment = self.experiment
            wanted = wanted_kinds(experiment.config, experiment.parts)
            records = self.generation.handed(wanted) if self.generation.chosen else None
            dev = experiment.examples["dev"]
            data = training_data_of(experiment.parts.objective, self.generation.examples, dev, records)
            self._known = data, teaching_of(experiment, data)
        return self._known


@dataclass(frozen=True, kw_only=True)
class ReadLogitsNode(Node):
    """The teacher's next-token distributions for what the student learns, where the objective wants them stored."""

    learning: Learning

    def teaching(self, seen: Seen) -> LogitSupervision | None:
        """Return what is read; None while its texts are not there."""
        known = self.learning.known(seen)
        return None if known is None else known[1]

    def stage(self, seen: Seen) -> Stage | None:
        """Return the stage of the reading."""
        teaching = self.teaching(seen)
        return None if teaching is None else teaching.stage()

    def make(self, stage: Stage, making: Making) -> Artifact:
        """Read the distributions, or find them read."""
        teaching = self.teaching(making.seen)
        assert teaching is not None
        return teaching.read(making.store, stage)


@dataclass(frozen=True, kw_only=True)
class TrainNode(Node):
    """The training of a student.

    Attributes:
        learning: what it learns from.
        starts_from: the node whose student it begins with; None for the student itself.
    """

    learning: Learning
    starts_from: str | None = None

    def stage(self, seen: Seen) -> Stage:
        """Return the stage of the training."""
        experiment = self.learning.experiment
        return training_stage(student_settings(experiment), experiment.config.training, seen.upstream(self.needs))

    def make(self, stage: Stage, making: Making) -> Artifact:
        """Train the student, or find it trained."""
        known = self.learning.known(making.seen)
        assert known is not None
        data, teaching = known
        if self.learning.left_out:
            log.warning(
                "%s: %d of %d examples have no text to learn and are left out",
                self.name,
                self.learning.left_out,
                len(self.learning.generation.examples),
            )
        if self.name == "train" and (cut := self.learning.cut):
            log.warning("%s: %s", self.name, "; ".join(told_of(cut)))
        config, parts = self.learning.experiment.config, self.learning.experiment.parts
        student = ready_student(self.learning.experiment, lambda: making.embeddings("train", "dev"))
        if self.starts_from is not None:
            student = Continued(student, making.seen.artifacts[self.starts_from].folder / "student")
        training = Training(
            student,
            parts.objective,
            parts.task,
            data,
            student_settings(self.learning.experiment),
            config.training,
            config.runtime,
            wording=wording_of(config),
        )
        if teaching is not None:
            stored = next((making.seen.artifacts[name] for name in self.needs if name.endswith("read_logits")), None)
            training = replace(training, supervise=teaching.supervise(stored))
        is_own = self.name == "train"
        report = making.report if is_own else (lambda metrics, step: None)
        made = train(making.store, stage, training, report)
        if is_own and (told := told_of_cut_samples(read_lines(made.folder / METRICS))):
            log.warning("%s: %s", self.name, told)
        return made

    def note(self, made: Artifact, outcome: Outcome) -> None:
        """Note in the outcome how many questions are left out of training, and which texts are cut."""
        if self.name == "train":
            outcome.left_out = self.learning.left_out
            outcome.cut |= self.learning.cut


@dataclass(frozen=True, kw_only=True)
class UntrainedNode(Node):
    """The student of `training=none`, which is scored as it is.

    Attributes:
        experiment: whose student it is.
    """

    experiment: Experiment

    def stage(self, seen: Seen) -> Stage:
        """Return the stage of the student."""
        student = student_settings(self.experiment)["student"]
        assert isinstance(student, dict)
        return untrained_stage(student, self.experiment.config.training.seed)

    def make(self, stage: Stage, making: Making) -> Artifact:
        """Save the student, or find it saved."""
        experiment = self.experiment
        config, parts = experiment.config, experiment.parts
        training = Training(
            ready_student(experiment, lambda: making.embeddings("train", "dev")),
            parts.objective,
            parts.task,
            TrainingData(experiment.examples["train"], experiment.examples["dev"], None),
            student_settings(experiment),
            config.training,
            config.runtime,
            wording=wording_of(config),
        )
        return save_untrained(making.store, stage, training)


def wording_of(config: Config) -> dict[str, Json]:
    """Return the templates of a task, for the student's card."""
    return {key: value for key, value in config.task.items() if key.endswith(("_template", "_separator"))}
