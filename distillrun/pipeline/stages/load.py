"""The load stage: the questions of a split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore, Stage, digest
from distillrun.files.json import write_json
from distillrun.files.jsonl import write_records
from distillrun.interfaces import LabelTask, RationaleTask, Task, out_of_scope
from distillrun.records import Answer, Example, FreeAnswer, Json, Split, content

VERSION = 1


def loading_stage(task: Task, split: Split, examples: Sequence[Example]) -> Stage:
    """Return the stage of a split.

    The fingerprint is that of the content, questions, answers and how they are written, so that a folder may move and a
    setting may be respelt without anything being made again.
    """
    shared = _shared(task)
    wording = [
        [task.question(example), *(task.answer(example, answer) for answer in _written(example))]
        for example in (examples[:1] if shared else examples)
    ]
    config: dict[str, Json] = {
        "examples": digest([content(example) for example in _stored(examples, shared)]),
        "wording": digest(wording),
    }
    if isinstance(task, RationaleTask) and any(own := [task.rationale(example) for example in examples]):
        config["rationales"] = digest(own)
    if shared:
        config["labels"] = digest([*shared, *map(task.student_question, examples)])
    if apart := out_of_scope(task, split):
        config["out of scope"] = digest([content(example) for example in _stored(apart, shared)])
    return Stage(f"load/{split}", VERSION, config, {})


def load(store: ArtifactStore, stage: Stage, task: Task, split: Split, examples: Sequence[Example]) -> Artifact:
    """Store the examples of a split; labels that all of them share are stored once."""

    def make(work: Path) -> None:
        shared = _shared(task)
        write_records(work / "examples.jsonl", _stored(examples, shared))
        if apart := out_of_scope(task, split):
            write_records(work / "out_of_scope.jsonl", _stored(apart, shared))
        if shared:
            write_json(work / "labels.json", {"labels": list(shared)})
        write_json(work / "source.json", dict(task.source()))

    return store.get_or_make(stage, make)


def _shared(task: Task) -> tuple[str, ...]:
    """Return the choices that all questions of a task have; none where each has its own."""
    return task.labels() if isinstance(task, LabelTask) else ()


def _stored(examples: Sequence[Example], shared: tuple[str, ...]) -> Sequence[Example]:
    """Return examples as they are stored: without choices that all share, and what a scorer makes of texts."""
    if shared:
        return [replace(example, choices=()) for example in examples]
    return [
        replace(example, answer=replace(example.answer, key="", score=None, right=None))
        if isinstance(example.answer, FreeAnswer)
        else example
        for example in examples
    ]


def _written(example: Example) -> Sequence[Answer]:
    """Return the answers whose wording is hashed: all choices or, in free form, the right one."""
    return [example.answer] if isinstance(example.answer, FreeAnswer) else range(len(example.choices))
