"""A run: the nodes of its graph are made in their order, and its folder tells what came out."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from distillrun.artifacts import ArtifactStore
from distillrun.config.schema import Until
from distillrun.config.settings import digest, plain
from distillrun.errors import BudgetSpentError
from distillrun.files.disk import disk_trouble, writing
from distillrun.files.folder import files_in, sweep_of
from distillrun.interfaces import FreeFormTask, Metric, Scorer, Status, TrackedRun, label_source_of
from distillrun.pipeline.disk_room import check_disk
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.grading import graded
from distillrun.pipeline.graph import graph_of
from distillrun.pipeline.long_texts import told_of
from distillrun.pipeline.memory_room import check_memory
from distillrun.pipeline.node import Making
from distillrun.pipeline.outcome import Outcome
from distillrun.pipeline.result import result_of
from distillrun.pipeline.run_folder import RunFolder
from distillrun.pipeline.served_probe import probe_server
from distillrun.pipeline.took_part import options_in_use
from distillrun.process.interrupt import stops_at_once
from distillrun.process.runtime import use_threads
from distillrun.text.repeats import told
from distillrun.text.secret import hide
from distillrun.tracking.jsonl import RunLog

log = logging.getLogger("distillrun")

TAKEN_OUT = " (task.on_overlap=drop takes such questions out of train and dev, task.on_overlap=refuse ends the run)"


def run(experiment: Experiment, path: Path, command: Sequence[str] = ()) -> Outcome:
    """Run an experiment into a folder and return what came out, which `result.json` holds, too.

    Whatever happens, the folder tells what was done, and the tracker's run is ended.

    Args:
        experiment: checked.
        path: the folder, which is there.
        command: the words that ask for this run on a command line.
    """
    check_disk(experiment)
    check_memory(experiment)
    config = experiment.config
    tracker = RunLog(experiment.parts.tracker)
    parts = experiment.parts
    judging: dict[str, Scorer | Metric] = {**parts.evaluators, **parts.measures}
    outcome = Outcome(config, experiment.examples, {name: part.rule for name, part in judging.items()}, command)
    if label_source_of(parts.task) != "gold":
        outcome.gold = parts.task.examples("train")
    if isinstance(parts.task, FreeFormTask):
        outcome.grade = partial(graded, parts.task)
    key = "paths.runs" if config.paths.run is None else "paths.run"
    with writing(key, path), RunFolder(path, config) as folder, stops_at_once():
        folder.write_result(result_of(outcome))
        tracker.start(_tracked(experiment, path))
        try:
            _go(experiment, folder, tracker, outcome)
            outcome.status = "done"
        except KeyboardInterrupt:
            outcome.status, outcome.error = "interrupted", "the same command resumes it from here"
            raise
        except BudgetSpentError as spent:
            outcome.status, outcome.error = "budget spent", str(spent)
            raise
        except Exception as error:
            outcome.status, outcome.error = "failed", hide(f"{type(error).__name__}: {error}")
            log.exception("failed")
            raise
        finally:
            ended: dict[str, Status] = {"done": "done", "failed": "failed"}
            try:
                _tell(folder, tracker, outcome)
            finally:
                tracker.finish(ended.get(outcome.status, "interrupted"))
    return outcome


def _tell(folder: RunFolder, tracker: RunLog, outcome: Outcome) -> None:
    """Write down what came out; a disk that refuses it does not hide why the run ended."""
    result = result_of(outcome)
    try:
        folder.write_result(result)
        folder.write_report(result, outcome)
        tracker.summary(outcome.summary())
        tracker.table("predictions", *outcome.prediction_table())
        _track_files(tracker, folder, outcome)
    except OSError as error:
        if outcome.status == "done":
            raise
        log.warning("%s", disk_trouble(error) or error)


def _tracked(experiment: Experiment, path: Path) -> TrackedRun:
    """Return the description of a run for its tracker. A job's folder lies in that of its sweep."""
    config = experiment.config
    job = "experiment" if config.until is Until.report else config.until.value
    chosen = [found if isinstance(found, list) else [found] for found in config.selected.values()]
    tags = tuple(dict.fromkeys(str(option) for options in chosen for option in options if option))
    return TrackedRun(path, path.name, plain(config), job, sweep_of(path.resolve()), tags, digest(config)[:16])


def _track_files(tracker: RunLog, folder: RunFolder, outcome: Outcome) -> None:
    """Pass on the training data, and the results; the folder has links to both."""
    for name, made in outcome.stages.items():
        if name.startswith("generate/"):
            step = name.removeprefix("generate/")
            folder.link(f"teacher_data/{step}", made.folder)
            tracker.files("teacher-data", f"{step}-{made.fingerprint[:12]}", files_in(made.folder))
    if (trained := outcome.stages.get("train")) is not None:
        tracker.files("student", f"student-{trained.fingerprint[:12]}", files_in(trained.folder / "student"))


def _go(experiment: Experiment, folder: RunFolder, tracker: RunLog, outcome: Outcome) -> None:
    """Make the nodes of the run's graph in their order, noting each in the outcome."""
    config, parts = experiment.config, experiment.parts
    use_threads(config.runtime.threads)
    outcome.source = dict(parts.task.source())
    outcome.overlap = experiment.overlap()
    outcome.cut = dict(experiment.cut)
    if experiment.cut:
        log.warning("data: %s", "; ".join(told_of(experiment.cut)))
    if again := [*told(experiment.examples), *outcome.overlap.told()]:
        log.warning("data: %s%s", "; ".join(again), TAKEN_OUT if "on_overlap" in config.task else "")
    store = ArtifactStore(Path(config.paths.store))
    graph = graph_of(experiment, store)
    if "read_logits" in graph:
        probe_server(experiment, store)
    outcome.took_part = options_in_use(experiment, graph)
    if config.until is not Until.load and (idle := [name for name in parts.steps if f"generate/{name}" not in graph]):
        log.info("generate: %s left out, since nothing in this run uses what they make", ", ".join(idle))
    try:
        for name, made in Making(graph, store, outcome, tracker.log).go():
            if name == "train":
                folder.link("student", made.folder / "student")
    finally:
        if outcome.predictions:
            folder.write_predictions(outcome.prediction_rows())
        for name, found in outcome.findings.items():
            folder.write_measured(name, found.rows)
