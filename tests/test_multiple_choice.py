"""A user's own files, in the forms in which choices and answers come."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import Task
from distillrun.task.multiple_choice import MultipleChoice

FILES = {"train": "train.jsonl", "dev": None, "test": "test.jsonl"}
FIELDS = {"id": "id", "question": "question", "choices": "choices", "answer": "answer"}
SETTINGS: dict[str, Any] = {
    "choices": None,
    "answer_form": "auto",
    "question_template": "{question} {choices}",
    "choice_template": "({letter}) {choice}",
    "choice_separator": " ",
    "answer_template": "{choice}",
    "dev_share": 0.1,
    "split_seed": 0,
    "limit": None,
}


def task(folder: Path | None, **changes: Any) -> MultipleChoice:
    fields = {**FIELDS, **changes.pop("fields", {})}
    files = {**FILES, **changes.pop("files", {})}
    where = str(folder) if folder is not None else None
    return MultipleChoice(**{**SETTINGS, "folder": where, "fields": fields, "files": files, **changes})


def answered(folder: Path, row: dict[str, Any], **changes: Any) -> int | None:
    """Return the answer that is read from a row."""
    for name, number in {"train.jsonl": 0, "test.jsonl": 1}.items():
        (folder / name).write_text(json.dumps({"id": number, "question": "?", **row}) + "\n", encoding="utf-8")
    return task(folder, dev_share=0.0, **changes).examples("test")[0].answer


@pytest.mark.parametrize(
    ("answer", "choices", "index"),
    [
        ("red", ["blue", "red", "green"], 1),
        ("Red.", ["blue", "red", "green"], 1),
        ("C", ["blue", "red", "green"], 2),
        (2, ["blue", "red", "green"], 2),
        ("2", ["blue", "red", "green"], 2),
        (True, ["no", "yes"], 1),
        (False, ["Yes", "No"], 1),
        ("true", ["no", "yes"], 1),
        ("2", ["1", "2", "3"], 1),
        (0, ["0", "1"], 0),
        ("4", {"label": ["1", "2", "3", "4"], "text": ["a1", "b2", "c3", "d4"]}, 3),
        ("red", '["blue", "red"]', 1),
    ],
)
def test_an_answer_is_understood_in_its_usual_forms(tmp_path: Path, answer: Any, choices: Any, index: int) -> None:
    assert answered(tmp_path, {"choices": choices, "answer": answer}) == index


@pytest.mark.parametrize(
    ("answer", "choices"),
    [(1, ["1", "2"]), ("a", ["b", "a"]), (3, ["x", "y", "z"]), (True, ["x", "y"]), ("", ["x", "y"])],
)
def test_an_answer_of_two_or_no_meanings_is_refused(tmp_path: Path, answer: Any, choices: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"train\.jsonl:1: "):
        answered(tmp_path, {"choices": choices, "answer": answer})


def test_a_named_answer_form_settles_what_is_ambiguous(tmp_path: Path) -> None:
    row = {"choices": ["1", "2", "3"], "answer": 1}
    forms = {"text": 0, "index": 1, "number": 0}
    assert {form: answered(tmp_path, row, answer_form=form) for form in forms} == forms


def test_choices_may_stand_in_columns_of_a_csv_without_ids(tmp_path: Path) -> None:
    for name, questions in {"train.csv": "abcdefghij", "test.csv": "xy"}.items():
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "A", "B", "C", "key"])
            writer.writerows([f"What, {question}?", "one", "two", "three", "B"] for question in questions)
    made = task(
        tmp_path,
        files={"train": "train.csv", "test": "test.csv"},
        fields={"id": None, "question": "text", "choices": ["A", "B", "C"], "answer": "key"},
    )
    assert isinstance(made, Task)
    assert made.check() == []
    assert [len(made.examples(split)) for split in ("train", "dev", "test")] == [9, 1, 2]
    example = made.examples("test")[0]
    assert made.question(example) == "What, x? (a) one (b) two (c) three"
    assert example.answer == 1
    assert len(example.id) == 16


def test_a_dev_file_leaves_train_whole(tmp_path: Path) -> None:
    for number, name in enumerate(["train.jsonl", "dev.jsonl", "test.jsonl"]):
        row = {"id": number, "question": "?", "choices": ["x", "y"], "answer": "x"}
        (tmp_path / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    made = task(tmp_path, files={"dev": "dev.jsonl"})
    assert [made.examples(split)[0].id for split in ("train", "dev", "test")] == ["0", "1", "2"]


def test_wrong_settings_are_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    assert "task.folder is not set" in task(None).check()[0]
    assert "task.folder=" in task(tmp_path / "none").check()[0]
    assert "task.files.test=tset.jsonl is not in" in task(tmp_path, files={"test": "tset.jsonl"}).check()[0]
    assert "task.files.train=tran.jsonl" in task(tmp_path, files={"train": "tran.jsonl"}).check()[0]
    assert "did you mean 'train.jsonl'" in task(tmp_path, files={"train": "tran.jsonl"}).check()[0]
    assert "task.files.train is not set" in task(tmp_path, files={"train": None}).check()[0]
    with pytest.raises(ConfigError, match=r"task\.fields\.chioces is not a setting \(did you mean 'choices'"):
        task(tmp_path, fields={"chioces": "x"})
    with pytest.raises(ConfigError, match=r"task\.files\.validation is not a setting"):
        task(tmp_path, files={"validation": "x"})
    with pytest.raises(ConfigError, match=r"set one of task\.fields\.choices"):
        task(tmp_path, choices=["yes", "no"])
    with pytest.raises(ConfigError, match=r"task\.fields\.question=None must name one column"):
        task(tmp_path, fields={"question": None})


@pytest.mark.realdata
def test_strategyqa_is_read_from_its_shards(shared_data: Path) -> None:
    made = task(
        shared_data / "llama2-13b-outputs",
        files={"train": "strategyqa-train", "test": "strategyqa-test"},
        fields={"id": "qid", "choices": None},
        choices=["yes", "no"],
    )
    train, dev, test = (made.examples(split) for split in ("train", "dev", "test"))
    assert (len(train), len(dev), len(test)) == (1442, 161, 687)
    assert sum(example.answer == 0 for example in [*train, *dev]) == 738
    assert sum(example.answer == 0 for example in test) == 333


def test_a_split_that_is_left_without_questions_says_why(tmp_path: Path) -> None:
    for name in ("train", "test"):
        row = {"id": name, "question": "?", "choices": ["red", "blue"], "answer": "red"}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert task(tmp_path).check() == ["the train split is empty: task.dev_share=0.1 takes all 1 questions of it"]
    (tmp_path / "train.jsonl").write_text("", encoding="utf-8")
    assert task(tmp_path).check() == ["the train split is empty: its file holds no rows"]
