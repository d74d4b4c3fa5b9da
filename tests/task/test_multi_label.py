"""Texts with several labels each: every way to write them, and what a teacher names."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest

from distillrun.interfaces import LabelSetTask
from distillrun.task.classification import Classification
from tests.leaves import made

SETS: tuple[tuple[str, ...], ...] = (("card", "fee"), (), ("rate",), ("rate", "card", "fee"))
NAMES = ("card", "fee", "rate")
PLACES = [(0, 1), (), (2,), (0, 1, 2)]


def task(folder: Path, **changes: Any) -> Classification:
    settings = {"multi_label": True, "dev_share": 0.0, **changes}
    found = made("task", "classification", folder=str(folder), **settings)
    assert isinstance(found, LabelSetTask)
    assert isinstance(found, Classification)
    return found


def as_csv(folder: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for split in ("train", "test"):
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as stream:
            given = [[f"{split} {n}", *row] for n, row in enumerate(rows)]
            csv.writer(stream).writerows([["text", *header], *given])


def as_lists(folder: Path) -> dict[str, Any]:
    for split in ("train", "test"):
        lines = [json.dumps({"text": f"{split} {n}", "label": one}) for n, one in enumerate(SETS)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return {}


def separated(folder: Path) -> dict[str, Any]:
    as_csv(folder, ["label"], [["; ".join(one)] for one in SETS])
    return {"label_separator": ";"}


def as_json(folder: Path) -> dict[str, Any]:
    as_csv(folder, ["label"], [[json.dumps(one)] for one in SETS])
    return {}


def as_columns(folder: Path) -> dict[str, Any]:
    as_csv(folder, NAMES, [[int(name in one) for name in NAMES] for one in SETS])
    return {"fields": {"id": None, "text": "text", "label": list(NAMES)}}


def as_booleans(folder: Path) -> dict[str, Any]:
    as_csv(folder, NAMES, [["yes" if name in one else ("" if one else "no") for name in NAMES] for one in SETS])
    return {"fields": {"id": None, "text": "text", "label": list(NAMES)}}


def of_the_hub(folder: Path) -> dict[str, Any]:
    """GoEmotions' schema: a list of numbers, whose names stand in the metadata."""
    classes = datasets.ClassLabel(names=list(NAMES))
    features = datasets.Features({"text": datasets.Value("string"), "labels": datasets.Sequence(classes)})
    for split in ("train", "test"):
        numbers = [[NAMES.index(name) for name in one] for one in SETS]
        rows = {"text": [f"{split} {n}" for n in range(len(SETS))], "labels": numbers}
        datasets.Dataset.from_dict(rows, features=features).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return {"fields": {"id": None, "text": "text", "label": "labels"}}


FORMS = (as_lists, separated, as_json, as_columns, as_booleans, of_the_hub)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_labels_are_read_in_every_form(form: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    found = task(tmp_path, **form(tmp_path))
    assert found.check() == []
    assert found.labels() == NAMES
    for split in ("train", "test"):
        rows = found.examples(split)
        assert [one.answers for one in rows] == PLACES
        assert all(one.answer is None for one in rows)
    assert "texts that have no label at all, which task.multi_label allows: 1 of 4 in train" in caplog.text


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_one_label_for_each_text_is_not_read_from_several(form: Any, tmp_path: Path) -> None:
    changes = {"multi_label": False, **form(tmp_path)}
    if form in (as_columns, as_booleans, separated):
        with pytest.raises(ValueError, match=r"set task\.multi_label=true"):
            task(tmp_path, **changes)
    else:
        (problem,) = task(tmp_path, **changes).check()
        assert "multi_label=true" in problem or "no label" in problem or "is not one label" in problem


def test_a_text_that_may_be_several_labels_is_asked_about(tmp_path: Path) -> None:
    as_csv(tmp_path, ["label"], [["card, fee"], ["rate"]])
    (problem,) = task(tmp_path).check()
    assert "train.csv:2: the labels 'card, fee' may be several, separated by ','" in problem
    assert "task.label_separator=','" in problem
    (tmp_path / "labels.csv").write_text('name\n"card, fee"\nrate\n', encoding="utf-8")
    assert [one.answers for one in task(tmp_path, labels="labels.csv").examples("test")] == [(0,), (1,)]


def test_a_blank_cell_is_no_label_or_not_known_where_the_teacher_fills_in(tmp_path: Path) -> None:
    as_csv(tmp_path, ["label"], [["card"], [""], ["[]"], ['["fee", "card"]']])
    gold, filled = task(tmp_path), task(tmp_path, label_source="teacher_where_missing")
    assert [one.answers for one in gold.examples("train")] == [(0,), (), (), (0, 1)]
    assert [one.answers for one in filled.examples("train")] == [(0,), None, (), (0, 1)]
    assert [one.answers for one in filled.examples("test")] == [(0,), (), (), (0, 1)]


def test_a_column_of_a_label_holds_1_or_0(tmp_path: Path) -> None:
    as_csv(tmp_path, NAMES, [[1, 0, 2]])
    (problem,) = task(tmp_path, fields={"id": None, "text": "text", "label": list(NAMES)}).check()
    assert "train.csv:2: rate must hold 1 or 0, not '2', see task.fields.label" in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("card; food, drink", {"card", "food, drink"}),
        ("card, lost card", {"card", "lost card"}),
        ("Labels: card and sports and games.", {"card", "sports and games"}),
        ("- lost card\n- politics", {"lost card", "politics"}),
        ("1, 3", {"card", "food, drink"}),
        ("1. card\n5. politics", {"card", "politics"}),
        ('["card", "politics"]', {"card", "politics"}),
        ("The labels that apply are **Politics** and **card**.", {"card", "politics"}),
        ("food, drink", {"food, drink"}),
        ("It is about politics, and about a lost card.", {"lost card", "politics"}),
        ("not politics", None),
        ("none", None),
        ("", None),
    ],
)
def test_all_labels_that_a_teacher_names_are_read(tmp_path: Path, text: str, expected: set[str] | None) -> None:
    names = ("card", "lost card", "food, drink", "sports and games", "politics")
    (tmp_path / "labels.txt").write_text("\n".join(names), encoding="utf-8")
    as_csv(tmp_path, ["label"], [["card"]])
    found = task(tmp_path, labels="labels.txt")
    places = found.parse_labels(text, found.examples("test")[0])
    assert (None if places is None else {names[place] for place in places}) == expected
