"""The evaluate stage: what a student answers, and how often it is right."""

from collections.abc import Callable, Sequence
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore, Stage
from distillrun.interfaces import Evaluator, LanguageModel, StudentObjective, Task
from distillrun.jsonl import read_records, write_records
from distillrun.records import Example, Json, Prediction, Score

VERSION = 1


def evaluate(
    store: ArtifactStore,
    name: str,
    evaluator: Evaluator,
    leaf: Json,
    student: Callable[[], LanguageModel],
    objective: StudentObjective,
    task: Task,
    examples: Sequence[Example],
    loaded: Artifact,
    trained: Artifact,
    tokens_per_batch: int,
) -> Artifact:
    """Ask the trained student the test questions under one scoring rule, or find them answered.

    Args:
        name: of the evaluator in the config.
        leaf: its config.
        student: loads the trained student; called only where it has to answer.
    """
    upstream = {loaded.stage: loaded.fingerprint, trained.stage: trained.fingerprint}

    def make(work: Path) -> None:
        predictions = evaluator.predict(student(), objective, examples, task, tokens_per_batch)
        write_records(work / "predictions.jsonl", predictions)
        write_records(work / "scores.jsonl", evaluator.score(predictions, examples))

    return store.get_or_make(Stage(f"evaluate/{name}", VERSION, {"evaluator": leaf}, upstream), make)


def predictions_of(artifact: Artifact) -> list[Prediction]:
    """Return the stored answers, one per test question, in order."""
    return read_records(artifact.folder / "predictions.jsonl", Prediction)


def scores_of(artifact: Artifact) -> list[Score]:
    """Return the stored scores."""
    return read_records(artifact.folder / "scores.jsonl", Score)
