"""What every task must obey; a new one is found by its config."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from distillrun.interfaces import Task
from distillrun.records import Answer, Example, FreeAnswer, Split, place, reads_alike
from tests.altered import altered
from tests.leaves import leaf, made, options

TASKS = options("task")
ROWS: list[dict[str, Any]] = [
    {"question": "Where would you borrow a novel?", "choices": ["oven", "library", "river", "Library", "field"]},
    {"question": "Where is money kept?", "choices": ["bank", "bank teller", "the bank", "river bank", "a"]},
    {"question": "How many legs has a spider?", "choices": ["8", "6", "18", "ten (10)", "none of the above"]},
    {"question": "Who said so?", "choices": ["the answer is b", "(a)", "A", "I don't know", "C. nobody"]},
]
"""Choices that repeat, contain one another, look like letters or like answers."""


def task_of(name: str, folder: Path, **changes: Any) -> Task:
    """Return a shipped task with a few questions; one that reads files gets a folder with those of `ROWS`."""
    settings = leaf("task", name)
    if "folder" in settings:
        for split in ("train", "validation", "test"):
            rows = [
                {
                    "id": f"{split}-{n}",
                    **row,
                    "question": f"{row['question']} ({split} {n})",
                    "answer": row["choices"][1],
                    "text": f"{row['question']} ({split} {n})",
                    "label": row["choices"][1],
                }
                for n, row in enumerate(ROWS * 3)
            ]
            (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        files = {split: f"{split}.jsonl" for split in ("train", "test")} | {"dev": None}
        changes = {"folder": str(folder), **({"files": files} if "files" in settings else {}), **changes}
    elif "limit" in settings:
        changes = {"limit": 20, **changes}
    task: Task = made("task", name, **changes)
    return task


def faults(task: Task, again: Task, mark: Path) -> list[str]:
    """Return what a task does that its protocol forbids.

    Args:
        task: the task.
        again: the same task, built anew.
        mark: a file that is made only by evaluating what a task should read.
    """
    found = list(task.check())
    splits = {split: task.examples(split) for split in get_args(Split)}
    for split, examples in splits.items():
        if not examples:
            found.append(f"{split} is empty")
        if examples != task.examples(split) or examples != again.examples(split):
            found.append(f"{split} is not in a fixed order")
    everything = [example for examples in splits.values() for example in examples]
    if len({example.id for example in everything}) < len(everything):
        found.append("two examples have one id")
    if not task.source() or json.loads(json.dumps(dict(task.source()))) != dict(task.source()):
        found.append("the source is not JSON")
    for example in everything:
        found += [f"{example.id}: {fault}" for fault in faults_at(task, example, mark)]
    return found


def faults_at(task: Task, example: Example, mark: Path) -> list[str]:
    """Return what a task does wrong with one example."""
    found = []
    asked = task.question(example)
    if example.question not in asked or any(choice not in asked for choice in example.choices):
        found.append("the question is not written with its choices")
    if isinstance(example.answer, int) and not 0 <= example.answer < len(example.choices):
        found.append("the right answer is no choice")
    answers = [example.answer] if isinstance(example.answer, FreeAnswer) else range(len(example.choices))
    for choice in answers:
        read = task.parse(task.answer(example, choice), example)
        if not reads_alike(example, read, choice):
            found.append(f"choice {choice} is read as {read}")
    for text in ("", " \n"):
        if task.parse(text, example) is not None:
            found.append(f"{text!r} is read as an answer")
    task.parse(f"__import__('pathlib').Path({str(mark)!r}).touch()", example)
    if mark.exists():
        found.append("what is read is evaluated")
    return found


def test_there_are_tasks() -> None:
    assert TASKS


@pytest.mark.parametrize("name", TASKS)
def test_a_task_keeps_its_protocol(name: str, tmp_path: Path) -> None:
    assert faults(task_of(name, tmp_path), task_of(name, tmp_path), tmp_path / "mark") == []


@pytest.mark.parametrize(
    "template", ["The answer is {choice}.", "({letter}) {choice}", "{letter}", "{choice} ({letter})"]
)
@pytest.mark.parametrize("name", [name for name in TASKS if "choice_template" in leaf("task", name)])
def test_an_answer_is_read_as_it_is_written_in_every_form(name: str, template: str, tmp_path: Path) -> None:
    task = task_of(name, tmp_path, answer_template=template)
    assert faults(task, task_of(name, tmp_path, answer_template=template), tmp_path / "mark") == []


def evaluated(text: str) -> int | None:
    try:
        found = eval(text)
    except Exception:
        return None
    return found if isinstance(found, int) else None


BROKEN: dict[str, tuple[Callable[[Task], dict[str, Any]], str]] = {
    "never answers": (lambda task: {"parse": lambda self, text, example: None}, "choice 0 is read as None"),
    "answers the next choice": (
        lambda task: {"parse": lambda self, text, example: one_on(task.parse(text, example), example)},
        "choice 0 is read as 1",
    ),
    "writes every answer alike": (
        lambda task: {"answer": lambda self, example, choice: example.choices[0]},
        "choice 1 is read as 0",
    ),
    "answers what was not said": (
        lambda task: {"parse": lambda self, text, example: task.parse(text, example) or 0},
        "'' is read as an answer",
    ),
    "evaluates": (
        lambda task: {"parse": lambda self, text, example: evaluated(text) or task.parse(text, example)},
        "what is read is evaluated",
    ),
    "hides the choices": (
        lambda task: {"question": lambda self, example: example.question},
        "the question is not written with its choices",
    ),
    "changes the order": (
        lambda task: {"examples": lambda self, split: task.examples(split)[::-1]},
        "is not in a fixed order",
    ),
    "repeats an id": (lambda task: {"examples": lambda self, split: task.examples(split)[:1] * 2}, "have one id"),
    "has no test": (
        lambda task: {"examples": lambda self, split: [] if split == "test" else task.examples(split)},
        "test is empty",
    ),
    "has no source": (lambda task: {"source": lambda self: {}}, "the source is not JSON"),
    "is wrong": (lambda task: {"check": lambda self: ["task.folder is not there"]}, "task.folder is not there"),
}


def one_on(choice: Answer | None, example: Example) -> int | None:
    return None if choice is None else (place(choice) + 1) % len(example.choices)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_task_is_found(fault: str, tmp_path: Path) -> None:
    changes, expected = BROKEN[fault]
    task = task_of("everyday", tmp_path)
    broken = altered(task, **changes(task))
    assert any(expected in one for one in faults(broken, task, tmp_path / "mark"))
