"""Texts that have none of the labels: declared by a label, kept apart from all others, and never taught."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest

from distillrun.interfaces import ScopedTask
from distillrun.records import Split
from distillrun.task.classification import Classification
from tests.leaves import made

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
CLINC = {
    "oos_val": [["a show on broadway", "oos"]],
    "val": [["say hi in french", "translate"], ["wire ten dollars", "transfer"]],
    "train": [["how is hello said", "translate"], ["send money", "transfer"], ["move cash", "transfer"]],
    "oos_test": [["has the dow changed", "oos"], ["who won", "OOS "]],
    "test": [["fly in italian", "translate"], ["move 100 dollars", "transfer"]],
    "oos_train": [["an overdraft fee", "oos"]],
}


def made_task(folder: Path, **changes: Any) -> Classification:
    found = made("task", "classification", folder=str(folder), **changes)
    assert isinstance(found, Classification)
    assert isinstance(found, ScopedTask)
    return found


def clinc(folder: Path, **changes: Any) -> Classification:
    """Return a task over a file as clinc/oos-eval publishes it."""
    (folder / "data_full.json").write_text(json.dumps(CLINC, indent=1), encoding="utf-8")
    keys = {"train": "train", "dev": "val", "test": "test"}
    files = {split: [f"data_full.json#{one}" for one in (key, f"oos_{key}")] for split, key in keys.items()}
    fields = {"id": None, "text": "0", "label": "1"}
    return made_task(folder, files=files, fields=fields, **{"out_of_scope": "oos", **changes})


def write(file: Path, labels: Sequence[str]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *((f"{file.stem} {n}", one) for n, one in enumerate(labels))])


def test_texts_of_none_of_the_labels_are_kept_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    task = clinc(tmp_path)
    assert task.check() == []
    assert task.labels() == ("transfer", "translate")
    assert {split: [one.question for one in task.out_of_scope(split)] for split in SPLITS} == {
        split: [text for text, _ in CLINC[f"oos_{key}"]]
        for split, key in zip(SPLITS, ("train", "val", "test"), strict=True)
    }
    for split in SPLITS:
        assert all(one.answer is not None for one in task.examples(split))
        assert all(one.answer is None and one.choices == task.labels() for one in task.out_of_scope(split))
    assert len(task.examples("test")) == 2
    assert "none of the labels (task.out_of_scope=oos): 1 of train, 1 of dev, 2 of test" in caplog.text
    assert task.source()["out of scope"] == {"train": 1, "dev": 1, "test": 2}


def test_unless_it_is_declared_it_is_a_label_like_the_others(tmp_path: Path) -> None:
    task = clinc(tmp_path, out_of_scope=None)
    assert task.labels() == ("oos", "transfer", "translate")
    assert not any(task.out_of_scope(split) for split in SPLITS)
    assert len(task.examples("test")) == 4


@pytest.mark.parametrize(("form", "first"), [("text", None), ("index", 0), ("number", 1)])
def test_a_label_file_may_list_it_and_its_number_counts(tmp_path: Path, form: str, first: int | None) -> None:
    names = ["a", "oos", "b"]
    write(tmp_path / "labels.csv", names)
    (tmp_path / "labels.csv").write_text("name\na\noos\nb\n", encoding="utf-8")
    for split in SPLITS:
        said = [name if first is None else str(names.index(name) + first) for name in ("b", "oos", "a")]
        write(tmp_path / f"{split}.csv", said)
    files = {split: f"{split}.csv" for split in SPLITS}
    task = made_task(tmp_path, files=files, labels="labels.csv", label_form=form, out_of_scope="oos")
    assert task.labels() == ("a", "b")
    assert [one.answer for one in task.examples("test")] == [1, 0]
    assert [one.question for one in task.out_of_scope("test")] == ["test 1"]


def test_where_dev_is_cut_from_train_it_has_all_such_texts_of_train(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", ["a", "b", "oos"] * 4)
    write(tmp_path / "test.csv", ["a", "b", "oos"])
    task = made_task(tmp_path, out_of_scope="oos", dev_share=0.25)
    assert {split: len(task.out_of_scope(split)) for split in SPLITS} == {"train": 0, "dev": 4, "test": 1}
    (tmp_path / "test.csv").unlink()
    files = {"train": "train.csv", "dev": None, "test": None}
    parted = made_task(tmp_path, out_of_scope="oos", dev_share=0.25, test_share=0.5, files=files)
    apart = {split: {one.id for one in parted.out_of_scope(split)} for split in SPLITS}
    assert {split: len(ids) for split, ids in apart.items()} == {"train": 0, "dev": 2, "test": 2}
    assert not apart["dev"] & apart["test"]


def test_a_label_that_no_row_has_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert clinc(tmp_path, out_of_scope="out-of-scope").check() == []
    assert "task.out_of_scope=out-of-scope: no row has this label" in caplog.text


def test_the_names_of_classes_in_a_file_of_the_hub_are_read(tmp_path: Path) -> None:
    """The schema that `datasets` itself writes: numbers, whose names stand in the metadata; -1 is no label."""
    features = datasets.Features(
        {"text": datasets.Value("string"), "intent": datasets.ClassLabel(names=["translate", "oos", "transfer"])}
    )
    for split, numbers in (("train", [0, 2, 0, -1]), ("validation", [2, 1]), ("test", [0, 1, 2])):
        rows = {"text": [f"{split} {n}" for n in range(len(numbers))], "intent": numbers}
        table = datasets.Dataset.from_dict(rows, features=features)
        table.to_parquet(tmp_path / f"{split}-00000-of-00001.parquet")
        table.save_to_disk(str(tmp_path / "saved" / split))
    for folder in (tmp_path, tmp_path / "saved"):
        task = made_task(
            folder,
            files={"train": "train", "dev": "validation", "test": "test"},
            fields={"id": None, "text": "text", "label": "intent"},
            out_of_scope="oos",
            label_source="teacher_where_missing",
        )
        assert task.check() == []
        assert task.labels() == ("translate", "transfer")
        assert [one.answer for one in task.examples("train")] == [0, 1, 0, None]
        assert [one.answer for one in task.examples("test")] == [0, 1]
        assert len(task.out_of_scope("test")) == 1
