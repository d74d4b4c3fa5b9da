"""A run that was checked and can start, and what follows from its settings alone."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore
from distillrun.artifacts.meaning import changed
from distillrun.config.build import Parts, build_parts
from distillrun.config.schema import Keep, Until
from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.interfaces import (
    ActiveObjective,
    ChoiceModel,
    EmbeddingStudent,
    LabelStudent,
    LabelTask,
    LogitTeacher,
    Student,
    Task,
    TokenTeacher,
    WritingStudent,
    has_label_sets,
    label_source_of,
    requirements_of,
)
from distillrun.pipeline.long_texts import CutTexts, cut_questions
from distillrun.pipeline.preflight import preflight
from distillrun.pipeline.preflight_generation import run_steps
from distillrun.pipeline.preflight_logits import stored_bytes
from distillrun.pipeline.row_demonstrations import with_row_demonstrations
from distillrun.pipeline.stages.evaluate import reading_of
from distillrun.pipeline.stages.generate import Generating
from distillrun.pipeline.stages.generation_run import GenerationRun
from distillrun.pipeline.stages.logit_supervision import LogitSupervision, wants_teacher
from distillrun.pipeline.stages.train import dev_judge
from distillrun.pipeline.stages.training_data import TrainingData
from distillrun.records import Example, Json, Split
from distillrun.text.overlap import EQUAL_ALONE, Overlap, overlap_of

log = logging.getLogger("distillrun")

LARGE_BYTES = 5_000_000_000
"""Above which the size of what will be stored of a teacher is said before any work."""

SPLITS: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A run that was checked and can start: its settings, its parts, and the questions of every split.

    `cut` tells of which splits the student reads texts cut.
    """

    config: Config
    parts: Parts
    examples: Mapping[Split, Sequence[Example]]
    cut: Mapping[str, CutTexts] = field(default_factory=dict)

    def overlap(self) -> Overlap:
        """Return the questions of dev and test that other splits have, too; without files equal ones alone."""
        return overlap_of(self.examples, float(self.config.task.get("overlap_threshold", EQUAL_ALONE)))


def prepare(config: Config) -> Experiment:
    """Return the experiment that a config describes. Raises ConfigError for whatever would fail later."""
    parts = build_parts(config)
    preflight(config, parts)
    return with_examples(config, parts, read_examples(parts.task))


def read_examples(task: Task) -> dict[Split, Sequence[Example]]:
    """Return the questions of every split; where the teacher gives the labels, training questions have no answers.

    Raises:
        ConfigError: a split has no question.
    """
    examples: dict[Split, Sequence[Example]] = {split: task.examples(split) for split in SPLITS}
    if label_source_of(task) == "teacher":
        examples["train"] = [replace(example, answer=None, answers=None) for example in examples["train"]]
    for split, rows in examples.items():
        if not rows:
            raise ConfigError(
                f"the {split} split has no question; check the files of the task, task.dev_share and task.limit"
            )
    return examples


def with_examples(config: Config, parts: Parts, examples: Mapping[Split, Sequence[Example]]) -> Experiment:
    """Return the experiment of parts that were checked. Raises ConfigError where a question is too long."""
    parts = with_row_demonstrations(config, parts, examples)
    cut = cut_questions(config, parts, examples)
    size = stored_bytes(parts.objective, parts.student, parts.task, examples["train"], config.training)
    if config.until not in (Until.load, Until.generate) and size > LARGE_BYTES:
        log.warning(
            "the teacher's distributions will take about %.0f GB in %s; objective.teacher=live stores none, and "
            "objective.top_k=64 keeps the likeliest ids alone, where the objective can do with them",
            size / 1e9,
            config.paths.store,
        )
    return Experiment(config, parts, examples, cut)


def generating(experiment: Experiment) -> Generating:
    """Return what the generation steps of an experiment share."""
    held_out = [*experiment.examples["dev"], *experiment.examples["test"]]
    config = experiment.config
    return Generating(
        experiment.parts.task, experiment.parts.teacher, held_out, config.generation, config.runtime.progress
    )


def generation_run(experiment: Experiment, store: ArtifactStore) -> GenerationRun:
    """Return the generation steps that a run of the experiment takes, none of them done yet."""
    parts = experiment.parts
    chosen = run_steps(experiment.config, parts)
    return GenerationRun(store, parts.steps, chosen, generating(experiment), experiment.examples["train"])


def student_settings(experiment: Experiment) -> dict[str, Json]:
    """Return the settings of student and objective, as far as they decide a training."""
    config, parts = experiment.config, experiment.parts
    # a name may move, and auto may mean either: what they resolved to is the student's identity
    named = ("checkpoint", "revision", "adapter", "chat", "chat_options")
    settings = {key: value for key, value in config.student.items() if key not in named}
    found: dict[str, Json] = {"student": {**settings, **parts.student.identity()}, "objective": config.objective}
    objective, teacher = parts.objective, parts.logit_teacher
    if requirements_of(objective).teacher == "live" and isinstance(teacher, LogitTeacher):
        found["teacher"] = dict(teacher.reading())
    if config.training.keep is Keep.best or config.training.patience is not None:  # dev checks choose the weights
        judge = dev_judge(parts.student, parts.task, config.training)
        found |= changed("dev check", judge) | (reading_of(parts.task) if judge.reads_texts else {})
    return found


def teaching_of(experiment: Experiment, data: TrainingData) -> LogitSupervision | None:
    """Return the logit supervision of the objective; None where it needs none."""
    config, parts = experiment.config, experiment.parts
    objective, teacher, student = parts.objective, parts.logit_teacher, parts.student
    if not isinstance(objective, ActiveObjective) or not wants_teacher(objective):
        return None
    if not isinstance(teacher, TokenTeacher) or not isinstance(student, WritingStudent):
        raise TypeError("preflight lets no other teacher or student through")
    return LogitSupervision(objective, teacher, student, parts.task, data, config.training, config.runtime)


def ready_student(experiment: Experiment, embeddings: Callable[[], Sequence[Path]]) -> Student:
    """Return the student with the labels of its task, where it needs them, and with the vectors of texts.

    Args:
        experiment: whose student it is.
        embeddings: returns the folders of vectors that stages made; called where a model is built or loaded.
    """
    student, task = experiment.parts.student, experiment.parts.task
    if isinstance(student, EmbeddingStudent) and student.freezes:
        student = student.with_embeddings(embeddings)
    return (
        student.for_labels(task.labels(), has_label_sets(task))
        if isinstance(student, LabelStudent) and isinstance(task, LabelTask)
        else student
    )


def student_loader(
    experiment: Experiment, trained: Artifact | None, embeddings: Callable[[], Sequence[Path]]
) -> Callable[[], ChoiceModel]:
    """Return a function that loads the trained student, or builds the untrained one, when it is first asked for it."""

    @cache
    def student() -> ChoiceModel:
        from distillrun.process.runtime import pick_device

        config, ready = experiment.config, ready_student(experiment, embeddings)
        model = ready.build(config.training.seed) if trained is None else ready.load(trained.folder / "student")
        model.module.to(pick_device(config.runtime.device))
        return model

    return student
