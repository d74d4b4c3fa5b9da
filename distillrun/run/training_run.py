"""From the questions to a trained student: generate, read the teacher's distributions, train."""

import logging
from collections.abc import Sequence

from distillrun.artifacts import Artifact, ArtifactStore
from distillrun.config.schema import Until
from distillrun.journal.client import spent_by
from distillrun.records import TeacherRecord
from distillrun.run.experiment import Experiment, generation_line, student_leaves, teaching_of
from distillrun.run.preflight import wanted_kinds
from distillrun.run.result import Outcome
from distillrun.run.stages.logit_supervision import Teaching
from distillrun.run.stages.train import Report, train
from distillrun.run.stages.training_data import Lesson, lesson_of

log = logging.getLogger("distillrun")


def school(experiment: Experiment, store: ArtifactStore, report: Report, outcome: Outcome) -> Artifact | None:
    """Run the stages after load and before evaluate, noting each in the outcome; None where the run ends before train.

    Args:
        experiment: what to run.
        store: where artifacts are.
        report: is given the metrics of the training.
        outcome: holds the loaded splits already.
    """
    until = experiment.config.until
    records = _generate(experiment, store, outcome)
    if until is Until.generate:
        return None
    lesson = _lesson(experiment, records, outcome)
    teaching = teaching_of(experiment, lesson)
    read = _read_logits(teaching, store, outcome)
    if until is Until.read_logits:
        return None
    return _train(experiment, store, report, outcome, lesson, teaching, read)


def _generate(experiment: Experiment, store: ArtifactStore, outcome: Outcome) -> list[TeacherRecord] | None:
    """Ask the teacher for what is wanted, and put it together; a run that wants nothing asks nothing."""
    parts = experiment.parts
    line = generation_line(experiment, store)
    idle = [name for name in parts.steps if name not in line.chosen]
    if idle:
        log.info("generate: %s left out, since nothing here learns from what they make", ", ".join(idle))
    if not line.chosen:
        return None
    try:
        for name, artifact in line.run(outcome.stages["load/train"].fingerprint):
            outcome.stages[f"generate/{name}"] = artifact
    finally:
        outcome.asked = line.asked
        for teacher in (parts.teacher, *(own for step in line.chosen.values() for own in step.teachers)):
            teacher.release()
            outcome.ledgers |= spent_by(store.root, teacher)
    outcome.taught = line.examples
    outcome.records = line.handed(wanted_kinds(experiment.config, parts))
    return outcome.records


def _read_logits(teaching: Teaching | None, store: ArtifactStore, outcome: Outcome) -> Artifact | None:
    """Let the teacher's distributions be read, where the objective wants them stored."""
    if teaching is None or teaching.request is None:
        return None
    read = teaching.read(store, teaching.pairs(), teaching.request)
    outcome.stages["read_logits"] = read
    return read


def _train(
    experiment: Experiment,
    store: ArtifactStore,
    report: Report,
    outcome: Outcome,
    lesson: Lesson,
    teaching: Teaching | None,
    read: Artifact | None,
) -> Artifact:
    config, parts = experiment.config, experiment.parts
    upstream = {name: artifact.fingerprint for name, artifact in outcome.stages.items() if name != "load/test"}
    leaves = student_leaves(experiment)
    trained = train(
        store,
        parts.student,
        parts.objective,
        parts.task,
        lesson,
        leaves,
        config.training,
        config.runtime,
        upstream,
        report,
        (lambda student: (None, None)) if teaching is None else teaching.supervise(read),
    )
    outcome.stages["train"] = trained
    return trained


def _lesson(experiment: Experiment, records: Sequence[TeacherRecord] | None, outcome: Outcome) -> Lesson:
    """Return what is trained on, and note how many examples are not."""
    examples, dev = outcome.taught or experiment.examples["train"], experiment.examples["dev"]
    lesson = lesson_of(experiment.parts.objective, examples, dev, records)
    outcome.left_out = len(examples) - len(lesson.train)
    if outcome.left_out:
        log.warning("train: %d of %d examples lack what is learnt and are left out", outcome.left_out, len(examples))
    return lesson
