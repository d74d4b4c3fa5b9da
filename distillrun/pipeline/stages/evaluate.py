"""The evaluate stage: what a student answers, and how often it is right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distillrun.artifacts import SCRATCH, Artifact, ArtifactStore, Stage
from distillrun.artifacts.meaning import changed, with_meanings
from distillrun.artifacts.sealed import is_sealed, sealing, set_aside
from distillrun.config.schema import RuntimeConfig
from distillrun.errors import ConfigError
from distillrun.files.jsonl import read_records, write_records
from distillrun.interfaces import ChoiceModel, FreeFormTask, Scorer, StudentObjective, Task
from distillrun.process.progress import Bar
from distillrun.records import Example, Json, Prediction, Score

VERSION = 2
READER = "answers read"
"""The key of how a task reads answers, hashed where that changed; how it writes them is hashed as content."""

CHUNK = 256
"""Questions that are answered, and kept, at once: what a kill can lose."""
PREDICTIONS = "predictions.jsonl"


def reading_of(task: Task) -> dict[str, Json]:
    """Return what stages hash of how a task reads answers: nothing, unless it changed or is free to be chosen."""
    if isinstance(task, FreeFormTask):
        return {READER: {**task.reading(), **changed("task", task), **changed("scorer's meaning", task.scorer)}}
    return changed(READER, task)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A student that is about to be asked the test questions under one scoring rule.

    Attributes:
        name: of the rule in the config.
        evaluator: the rule.
        config: its config.
        objective, task: as in the training.
        examples: the test questions.
        runtime: the size of batches, and when bars are drawn.
    """

    name: str
    evaluator: Scorer
    config: Json
    objective: StudentObjective
    task: Task
    examples: Sequence[Example]
    runtime: RuntimeConfig

    def stage(self, upstream: Mapping[str, str]) -> Stage:
        """Return the stage; `upstream` names the test questions and the student by their fingerprints."""
        reader = reading_of(self.task) if self.evaluator.reads_texts else {}
        return Stage(f"evaluate/{self.name}", VERSION, {"evaluator": with_meanings(self.config), **reader}, upstream)


def evaluate(
    store: ArtifactStore, stage: Stage, evaluation: Evaluation, student: Callable[[], ChoiceModel]
) -> Artifact:
    """Ask a student the test questions, or find them answered.

    Args:
        store: where artifacts are.
        stage: of the evaluation.
        evaluation: the rule and the questions.
        student: loads the student; called only where it has to answer.
    """
    evaluator, examples, runtime = evaluation.evaluator, evaluation.examples, evaluation.runtime

    def make(work: Path) -> None:
        predictions: list[Prediction] = []
        with Bar(stage.name, len(examples), 0, runtime.progress, "questions") as bar:
            for start in range(0, len(examples), CHUNK):  # batches are cut as in an undisturbed run
                asked = examples[start : start + CHUNK]
                chunk = work / SCRATCH / f"{start:08d}"
                if (known := _known(chunk, asked)) is None:
                    known = list(
                        evaluator.predict(
                            student(), evaluation.objective, asked, evaluation.task, runtime.tokens_per_batch
                        )
                    )
                    with sealing(chunk) as part:
                        write_records(part / PREDICTIONS, known)
                predictions += known
                bar.advance(units=len(asked))
        write_records(work / PREDICTIONS, predictions)
        write_records(work / "scores.jsonl", evaluator.score(predictions, examples))

    return store.get_or_make(stage, make)


def _known(chunk: Path, asked: Sequence[Example]) -> list[Prediction] | None:
    """Return the answers that an interrupted evaluation left in a chunk's folder; None where they are to be made."""
    if not is_sealed(chunk):
        return None
    try:
        known = read_records(chunk / PREDICTIONS, Prediction)
    except ConfigError as error:  # of another version
        set_aside(chunk, str(error))
        return None
    if [row.example_id for row in known] == [example.id for example in asked]:
        return known
    set_aside(chunk, "it answers other questions")
    return None


def predictions_of(artifact: Artifact) -> list[Prediction]:
    """Return the stored answers, one per test question, in order."""
    return read_records(artifact.folder / PREDICTIONS, Prediction)


def scores_of(artifact: Artifact) -> list[Score]:
    """Return the stored scores."""
    return read_records(artifact.folder / "scores.jsonl", Score)
