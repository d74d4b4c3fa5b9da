"""Texts with one of many labels: labels from a file or from the rows, what is read of a teacher, and what is stored."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from distillrun.artifacts import ArtifactStore
from distillrun.errors import ConfigError
from distillrun.files.jsonl import read_records
from distillrun.interfaces import LabelTask
from distillrun.pipeline.stages.load import load, loading_stage
from distillrun.records import Example, place
from distillrun.task.classification import Classification
from tests.leaves import made

TEXTS = [("where is my card", "card_arrival"), ("it was stolen", "lost card"), ("what is the rate", "Exchange rate")]
LABELS: list[dict[str, Any]] = [
    {"name": "lost card", "description": "lost or stolen"},
    {"name": "card_arrival", "description": ""},
    {"name": "Exchange rate", "description": ""},
    {"name": "other", "description": "nothing of the above"},
]


def write(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "dev", "test"):
        write(tmp_path / f"{split}.csv", [{"text": f"{text} ({split})", "label": label} for text, label in TEXTS])
    write(tmp_path / "labels.csv", LABELS)
    return tmp_path


def task(folder: Path, **changes: Any) -> Classification:
    found = made("task", "classification", folder=str(folder), **changes)
    assert isinstance(found, Classification)
    assert isinstance(found, LabelTask)
    return found


def test_labels_come_from_the_training_rows_where_there_is_no_file(folder: Path) -> None:
    found = task(folder, dev_share=0.3)
    assert found.check() == []
    assert found.labels() == ("Exchange rate", "card_arrival", "lost card")
    assert [found.labels()[place(one.answer or 0)] for one in found.examples("test")] == [label for _, label in TEXTS]


def test_a_label_file_gives_names_their_order_and_what_they_mean(folder: Path) -> None:
    found = task(folder, labels="labels.csv")
    (example, *_) = found.examples("test")
    assert found.labels() == tuple(row["name"] for row in LABELS)
    assert found.question(example) == (
        "Labels:\n1. lost card: lost or stolen\n2. card_arrival\n3. Exchange rate\n4. other: nothing of the above\n\n"
        "Text: where is my card (test)"
    )
    assert found.student_question(example) == "where is my card (test)"


def test_training_rows_may_have_no_labels_and_a_description_may_hold_braces(folder: Path) -> None:
    write(folder / "train.csv", [{"text": "a"}, {"text": "b"}])
    write(folder / "labels.csv", [{"name": "x", "description": "{choice} {0}"}, *LABELS])
    files = {"train": "train.csv", "dev": "dev.csv", "test": "test.csv"}
    found = task(folder, labels="labels.csv", files=files, label_source="teacher")
    assert [one.answer for one in found.examples("train")] == [None, None]
    (problem,) = task(folder, labels="labels.csv", files=files).check()
    assert "the row has no answer (2 of 2 rows of train have none)" in problem
    assert "1. x: {choice} {0}" in found.question(found.examples("train")[0])


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_row_that_is_scored_needs_a_label(folder: Path, split: str, blank: str) -> None:
    write(folder / f"{split}.csv", [{"text": "a", "label": "card_arrival"}, {"text": "b", "label": blank}])
    found = task(folder, labels="labels.csv", files={"train": "train.csv", "dev": "dev.csv", "test": "test.csv"})
    (problem,) = found.check()
    assert f"{split}.csv:3: the row has no label" in problem


def test_labels_are_read_by_their_number_where_the_form_says_so(folder: Path) -> None:
    for split in ("train", "test"):
        write(folder / f"{split}.csv", [{"text": f"{split} {n}", "label": n} for n in range(4)])
    (problem,) = task(folder, labels="labels.csv").check()
    assert "the label '0' is not among the 4 labels" in problem
    assert "task.label_form=index" in problem
    found = task(folder, labels="labels.csv", label_form="index")
    assert [one.answer for one in found.examples("test")] == [0, 1, 2, 3]


def test_labels_may_count_from_1_and_a_count_that_seems_off_by_one_is_told(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for split in ("train", "test"):
        write(folder / f"{split}.csv", [{"text": f"{split} {n}", "label": n} for n in (1, 2, 4)])
    found = task(folder, labels="labels.csv", label_form="number")
    assert [one.answer for one in found.examples("test")] == [0, 1, 3]
    (problem,) = task(folder, labels="labels.csv", label_form="index").check()
    assert "train.csv:4: the label '4' is not a number from 0 to 3" in problem
    assert "task.label_form=number" in problem
    caplog.set_level("INFO")
    assert "such as '1' for 'lost card'" in str(found.source()["labels are read as"])
    assert not [row for row in caplog.records if row.levelname == "WARNING"]
    for split in ("train", "test"):
        write(folder / f"{split}.csv", [{"text": f"{split} {n}", "label": n} for n in (1, 2, 3)])
    task(folder, labels="labels.csv", label_form="index").source()
    assert "no row has the label 0, which is 'lost card'" in caplog.text


def test_labels_that_are_bare_numbers_are_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for split in ("train", "test"):
        rows = [{"text": f"{split} a", "label": 1}, {"text": f"{split} b", "label": 0}, {"text": "c", "label": 1.0}]
        (folder / f"{split}.csv").unlink()
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    found = task(folder)
    assert found.labels() == ("0", "1")
    assert [one.answer for one in found.examples("test")] == [1, 0, 1]
    found.source()
    assert "the labels are numbers (0, 1)" in caplog.text


def test_a_text_file_has_a_label_on_each_line(folder: Path) -> None:
    (folder / "labels.txt").write_text("\ufefflost card\r\ncard_arrival\n\nExchange rate, today\n", encoding="utf-8")
    write(folder / "train.csv", [{"text": "a", "label": "Exchange rate, today"}])
    found = task(folder, labels="labels.txt")
    assert found.labels() == ("lost card", "card_arrival", "Exchange rate, today")


def test_a_list_of_labels_is_not_a_label(folder: Path) -> None:
    (folder / "train.csv").unlink()
    (folder / "train.jsonl").write_text('{"text": "a", "label": ["lost card"]}\n', encoding="utf-8")
    (problem,) = task(folder).check()
    assert "train.jsonl:1: the label ['lost card'] is not one label" in problem


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "a", "label": "lost cart"}], r"train.csv:2: the label 'lost cart' .*did you mean 'lost card'"),
        ([{"text": "", "label": "lost card"}], "train.csv:2: text must hold a text"),
        ([{"body": "a", "label": "lost card"}], "no column 'text'.*see task.fields.text"),
    ],
)
def test_a_bad_row_is_named(folder: Path, rows: list[dict[str, Any]], message: str) -> None:
    write(folder / "train.csv", rows)
    with pytest.raises(ConfigError, match=message):
        task(folder, labels="labels.csv").examples("train")


def test_labels_that_read_alike_are_refused(folder: Path) -> None:
    write(folder / "labels.csv", [{"name": "Lost card"}, {"name": "lost  CARD"}])
    (problem,) = task(folder, labels="labels.csv").check()
    assert "'Lost card' and 'lost  CARD' differ only in case or spacing" in problem


def test_without_labels_anywhere_the_label_file_is_asked_for(folder: Path) -> None:
    write(folder / "train.csv", [{"text": "a"}])
    (problem,) = task(folder).check()
    assert "set task.labels" in problem


def test_letters_name_no_more_labels_than_there_are_letters(folder: Path) -> None:
    write(folder / "labels.csv", [*LABELS, *({"name": f"label {n}"} for n in range(30))])
    (problem,) = task(folder, labels="labels.csv", choice_template="({letter}) {choice}").check()
    assert "{letter} names 26 labels, and there are 34; write {number}" in problem
    assert task(folder, labels="labels.csv").check() == []


def test_the_store_keeps_the_labels_once(folder: Path) -> None:
    write(folder / "labels.csv", [*LABELS, *({"name": f"label {n}"} for n in range(1000))])
    found, store = task(folder, labels="labels.csv"), ArtifactStore(folder / "store")
    examples = found.examples("test")
    stage = loading_stage(found, "test", examples)
    made_of = load(store, stage, found, "train", examples)
    assert read_records(made_of.folder / "examples.jsonl", Example)[0].question == examples[0].question
    assert "label 999" not in (made_of.folder / "examples.jsonl").read_text(encoding="utf-8")
    assert "label 999" in (made_of.folder / "labels.json").read_text(encoding="utf-8")
    assert all(one.choices is examples[0].choices for one in examples)


@pytest.mark.parametrize(
    "change",
    [
        {"student_template": "Text: {question}"},
        {"question_template": "{question} {choices}"},
        {"answer_template": "{number}"},
        {"labels": "others.csv"},
    ],
)
def test_what_is_read_or_written_is_hashed(folder: Path, change: dict[str, Any]) -> None:
    write(folder / "others.csv", LABELS[::-1])
    stages = [
        loading_stage(one, "test", one.examples("test")).fingerprint
        for one in (
            task(folder, **{"labels": "labels.csv", **more}) for more in ({}, {"choice_separator": "\n"}, change)
        )
    ]
    assert stages[0] == stages[1] != stages[2]


def test_fewer_training_rows_are_a_part_of_more_and_dev_stays(folder: Path) -> None:
    write(folder / "train.csv", [{"text": f"text {n}", "label": TEXTS[n % 3][1]} for n in range(40)])
    kept = {count: task(folder, train_limit=count, dev_share=0.25) for count in (None, 5, 12)}
    ids = {count: [one.id for one in found.examples("train")] for count, found in kept.items()}
    assert {count: len(own) for count, own in ids.items()} == {None: 30, 5: 5, 12: 12}
    assert {*ids[5]} < {*ids[12]} < {*ids[None]}
    assert ids[12] == [one for one in ids[None] if one in ids[12]]
    assert len({tuple(one.id for one in found.examples("dev")) for found in kept.values()}) == 1
    other = task(folder, train_limit=5, dev_share=0.25, split_seed=1).examples("train")
    assert {one.id for one in other} != {*ids[5]}
    with pytest.raises(ConfigError, match=r"task\.train_limit=0 must be at least 1"):
        task(folder, train_limit=0)
