"""The evaluate stage: what a student answers, and how often it is right."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from distillrun.artifacts import SCRATCH, Artifact, ArtifactStore, Stage
from distillrun.interfaces import ChoiceModel, Evaluator, StudentObjective, Task
from distillrun.jsonl import append_record, read_journal, read_records, write_records
from distillrun.meaning import meaning_of_reader, with_meanings
from distillrun.progress import Bar
from distillrun.records import Example, Json, Prediction, Score
from distillrun.schema import RuntimeConfig

VERSION = 2
CHUNK = 256
"""Questions that are answered, and kept, at once: what a kill can lose."""


def evaluation_stage(name: str, evaluator: Evaluator, leaf: Json, task: Task, upstream: Mapping[str, str]) -> Stage:
    """Return the stage of a scoring rule; `upstream` names the test questions and the student by their fingerprints."""
    reader = meaning_of_reader(task) if evaluator.reads_texts else {}
    return Stage(f"evaluate/{name}", VERSION, {"evaluator": with_meanings(leaf), **reader}, upstream)


def evaluate(
    store: ArtifactStore,
    name: str,
    evaluator: Evaluator,
    leaf: Json,
    student: Callable[[], ChoiceModel],
    objective: StudentObjective,
    task: Task,
    examples: Sequence[Example],
    upstream: Mapping[str, str],
    runtime: RuntimeConfig,
) -> Artifact:
    """Ask a student the test questions under one scoring rule, or find them answered.

    Args:
        name: of the evaluator in the config.
        leaf: its config.
        student: loads the student; called only where it has to answer.
        upstream: as in `evaluation_stage`.
    """

    def make(work: Path) -> None:
        journal = work / SCRATCH / "predictions.jsonl"
        known = read_journal(journal, Prediction)
        whole = len(known) // CHUNK * CHUNK  # batches are cut as in an undisturbed run
        write_records(journal, known[:whole])
        with Bar(f"evaluate {name}", len(examples), whole, runtime.progress) as bar:
            for start in range(whole, len(examples), CHUNK):
                asked = examples[start : start + CHUNK]
                for made in evaluator.predict(student(), objective, asked, task, runtime.tokens_per_batch):
                    append_record(journal, made)
                bar.advance(units=len(asked))
        predictions = read_journal(journal, Prediction)
        write_records(work / "predictions.jsonl", predictions)
        write_records(work / "scores.jsonl", evaluator.score(predictions, examples))

    return store.get_or_make(evaluation_stage(name, evaluator, leaf, task, upstream), make)


def predictions_of(artifact: Artifact) -> list[Prediction]:
    """Return the stored answers, one per test question, in order."""
    return read_records(artifact.folder / "predictions.jsonl", Prediction)


def scores_of(artifact: Artifact) -> list[Score]:
    """Return the stored scores."""
    return read_records(artifact.folder / "scores.jsonl", Score)
