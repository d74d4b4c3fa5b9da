"""The straight line: load, generate, train, evaluate, report."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore
from distillrun.build import Parts, build_parts
from distillrun.config import Config, plain
from distillrun.errors import BudgetSpentError, ConfigError
from distillrun.interfaces import ActiveObjective, ChoiceModel, LogitTeacher, WritingStudent, wishes_of
from distillrun.interrupt import stops_at_once
from distillrun.journal.line import spent_by
from distillrun.preflight import check_lengths, preflight, wanted_kinds
from distillrun.records import Example, Json, Split, TeacherRecord
from distillrun.result import Outcome
from distillrun.run_folder import RunFolder
from distillrun.runtime import use_threads
from distillrun.schema import Until
from distillrun.stages.evaluate import evaluate, predictions_of, scores_of
from distillrun.stages.generate import Generating
from distillrun.stages.generation_line import GenerationLine
from distillrun.stages.handing import chosen_steps
from distillrun.stages.lesson import Lesson, lesson_of
from distillrun.stages.load import load
from distillrun.stages.teaching import Teaching, wants_teacher
from distillrun.stages.train import train
from distillrun.tracking.jsonl import RunLog

log = logging.getLogger("distillrun")

SPLITS: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A run that was checked and can start: its settings, its parts, and the questions of every split."""

    config: Config
    parts: Parts
    examples: Mapping[Split, Sequence[Example]]


def prepare(config: Config) -> Experiment:
    """Return the experiment that a config describes. Raises ConfigError for whatever would fail later."""
    parts = build_parts(config)
    preflight(config, parts)
    examples = {split: parts.task.examples(split) for split in SPLITS}
    for split, rows in examples.items():
        if not rows:
            raise ConfigError(
                f"the {split} split has no question; check the files of the task, task.dev_share and task.limit"
            )
    check_lengths(config, parts, chain.from_iterable(examples.values()))
    return Experiment(config, parts, examples)


def run(experiment: Experiment, path: Path) -> Outcome:
    """Run an experiment into a folder and return what came out, which `result.json` holds too.

    Whatever happens, the folder tells what was done, and the tracker's run is ended.
    """
    config = experiment.config
    tracker = RunLog(experiment.parts.tracker)
    outcome = Outcome(config, experiment.examples)
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
    _evaluate(experiment, store, outcome, _loader(experiment, trained))
    folder.write_predictions(outcome.prediction_rows())


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


def generating(experiment: Experiment) -> Generating:
    """Return what the generation steps of an experiment share."""
    held_out = [*experiment.examples["dev"], *experiment.examples["test"]]
    config = experiment.config
    return Generating(
        experiment.parts.task, experiment.parts.teacher, held_out, config.generation, config.runtime.progress
    )


def student_leaves(experiment: Experiment) -> dict[str, Json]:
    """Return the settings of student and objective, as far as they decide a training."""
    config, parts = experiment.config, experiment.parts
    named = ("checkpoint", "revision")  # a name may move; what it resolved to is the student's identity
    settings = {key: value for key, value in config.student.items() if key not in named}
    leaves: dict[str, Json] = {"student": {**settings, **parts.student.identity()}, "objective": config.objective}
    objective, teacher = parts.objective, parts.logit_teacher
    if wishes_of(objective).teacher == "live" and isinstance(teacher, LogitTeacher):
        leaves["teacher"] = dict(teacher.reading())
    return leaves


def teaching_of(experiment: Experiment, lesson: Lesson) -> Teaching | None:
    """Return what the objective wants of the teacher beside texts; None where it wants nothing."""
    config, parts = experiment.config, experiment.parts
    objective, teacher, student = parts.objective, parts.logit_teacher, parts.student
    if not isinstance(objective, ActiveObjective) or not wants_teacher(objective):
        return None
    if not isinstance(teacher, LogitTeacher) or not isinstance(student, WritingStudent):
        raise TypeError("preflight lets no other teacher or student through")
    return Teaching(objective, teacher, student, parts.task, lesson, config.training, config.runtime)


def _read_logits(teaching: Teaching | None, store: ArtifactStore, outcome: Outcome) -> Artifact | None:
    """Let the teacher's distributions be read, where the objective wants them stored."""
    if teaching is None or teaching.request is None:
        return None
    read = teaching.read(store, teaching.pairs(), teaching.request)
    outcome.stages["read_logits"] = read
    return read


def generation_line(experiment: Experiment, store: ArtifactStore) -> GenerationLine:
    """Return the generation steps that a run of the experiment takes, none of them done yet."""
    parts = experiment.parts
    chosen = chosen_steps(parts.steps, parts.teacher, wanted_kinds(experiment.config, parts))
    return GenerationLine(store, parts.steps, chosen, generating(experiment), experiment.examples["train"])


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


def _loader(experiment: Experiment, trained: Artifact) -> Callable[[], ChoiceModel]:
    """Return a function that loads the trained student when it is first asked for it."""

    @cache
    def student() -> ChoiceModel:
        from distillrun.runtime import pick_device

        model = experiment.parts.student.load(trained.folder / "student")
        model.module.to(pick_device(experiment.config.runtime.device))
        return model

    return student


def _evaluate(
    experiment: Experiment, store: ArtifactStore, outcome: Outcome, student: Callable[[], ChoiceModel]
) -> None:
    config, parts = experiment.config, experiment.parts
    for name, evaluator in parts.evaluators.items():
        made = evaluate(
            store,
            name,
            evaluator,
            config.evaluation[name],
            student,
            parts.objective,
            parts.task,
            experiment.examples["test"],
            outcome.stages["load/test"],
            outcome.stages["train"],
            config.runtime,
        )
        outcome.stages[f"evaluate/{name}"] = made
        outcome.predictions[name] = predictions_of(made)
        outcome.add_scores([replace(score, name=f"test/{score.name}") for score in scores_of(made)])
