"""The load stage: the questions of a split."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore, Stage, digest
from distillrun.files.json import write_json
from distillrun.files.jsonl import write_records
from distillrun.interfaces import Task
from distillrun.records import Example, Json, Split

VERSION = 1


def loading_stage(task: Task, split: Split, examples: Sequence[Example]) -> Stage:
    """Return the stage of a split.

    The fingerprint is that of the content, questions, answers and how they are written, so that a folder may move and a
    setting may be respelt without anything being made again.
    """
    wording = [
        [task.question(example), *(task.answer(example, choice) for choice in range(len(example.choices)))]
        for example in examples
    ]
    config: dict[str, Json] = {
        "examples": digest([asdict(example) for example in examples]),
        "wording": digest(wording),
    }
    return Stage(f"load/{split}", VERSION, config, {})


def load(store: ArtifactStore, stage: Stage, task: Task, examples: Sequence[Example]) -> Artifact:
    """Store the examples of a split."""

    def make(work: Path) -> None:
        write_records(work / "examples.jsonl", examples)
        write_json(work / "source.json", dict(task.source()))

    return store.get_or_make(stage, make)
