"""The straight line: load, generate, train, evaluate, report."""

import logging
from collections.abc import Sequence
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore
from distillrun.assessment import assess
from distillrun.config import plain
from distillrun.errors import BudgetSpentError
from distillrun.experiment import SPLITS, Experiment, generation_line, student_leaves, teaching_of
from distillrun.interfaces import Evaluator, Measure
from distillrun.interrupt import stops_at_once
from distillrun.journal.line import spent_by
from distillrun.preflight import wanted_kinds
from distillrun.records import TeacherRecord
from distillrun.result import Outcome
from distillrun.run_folder import RunFolder
from distillrun.runtime import use_threads
from distillrun.schema import Until
from distillrun.stages.lesson import Lesson, lesson_of
from distillrun.stages.load import load
from distillrun.stages.teaching import Teaching
from distillrun.stages.train import train
from distillrun.tracking.jsonl import RunLog

log = logging.getLogger("distillrun")


def run(experiment: Experiment, path: Path) -> Outcome:
    """Run an experiment into a folder and return what came out, which `result.json` holds too.

    Whatever happens, the folder tells what was done, and the tracker's run is ended.
    """
    config = experiment.config
    tracker = RunLog(experiment.parts.tracker)
    parts = experiment.parts
    judging: dict[str, Evaluator | Measure] = {**parts.evaluators, **parts.measures}
    outcome = Outcome(config, experiment.examples, {name: part.rule for name, part in judging.items()})
    with RunFolder(path, config) as folder, stops_at_once():
        folder.write_result(outcome.result())
        tracker.start(path, path.name, plain(config))
        try:
            _go(experiment, folder, tracker, outcome)
            outcome.status = "done"
        except KeyboardInterrupt:
            outcome.status, outcome.error = "interrupted", "the same command goes on from here"
            raise
        except BudgetSpentError as spent:
            outcome.status, outcome.error = "budget spent", str(spent)
            raise
        except Exception as error:
            outcome.status, outcome.error = "failed", f"{type(error).__name__}: {error}"
            log.exception("failed")
            raise
        finally:
            result = outcome.result()
            folder.write_result(result)
            folder.write_report(result, outcome)
            tracker.summary(outcome.summary())
            tracker.table("predictions", *outcome.prediction_table())
            tracker.finish(outcome.status == "done")
    return outcome


def _go(experiment: Experiment, folder: RunFolder, tracker: RunLog, outcome: Outcome) -> None:
    """Run the stages in order, as far as the config asks, noting each in the outcome."""
    store = ArtifactStore(Path(experiment.config.paths.store))
    until = experiment.config.until
    use_threads(experiment.config.runtime.threads)
    for split in SPLITS:
        outcome.stages[f"load/{split}"] = load(store, experiment.parts.task, split, experiment.examples[split])
    if until is Until.load:
        return
    records = _generate(experiment, store, outcome)
    if until is Until.generate:
        return
    lesson = _lesson(experiment, records, outcome)
    teaching = teaching_of(experiment, lesson)
    read = _read_logits(teaching, store, outcome)
    if until is Until.read_logits:
        return
    trained = _train(experiment, store, tracker, outcome, lesson, teaching, read)
    folder.link_student(trained.folder / "student")
    if until is Until.train:
        return
    try:
        assess(experiment, store, outcome)
    finally:
        folder.write_predictions(outcome.prediction_rows())
        for name, found in outcome.findings.items():
            folder.write_measured(name, found.rows)


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
    tracker: RunLog,
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
        tracker.log,
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
