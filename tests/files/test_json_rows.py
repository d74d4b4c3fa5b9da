"""JSON files hold rows as lines, as a list, or as a list under a key."""

import json
from pathlib import Path
from typing import Any, Literal

import pandas
import pytest

from distillrun.errors import ConfigError
from distillrun.files.rows import read_rows

ROWS = [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("content", "part"),
    [
        (ROWS, ""),
        ({"data": ROWS}, ""),
        ({"version": "1", "data": ROWS, "tags": ["x"], "empty": []}, ""),
        ({"train": ROWS, "test": [{"id": 3}]}, "#train"),
        ({"data": {"train": ROWS, "test": [{"id": 3}]}}, "#data.train"),
    ],
)
def test_rows_are_found_under_their_key(tmp_path: Path, content: Any, part: str, indent: int | None) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content, indent=indent), encoding="utf-8")
    assert [row.values for row in read_rows(tmp_path / f"a.json{part}")] == ROWS


def test_lines_with_lists_of_objects_stay_lines(tmp_path: Path) -> None:
    rows = [{"id": n, "choices": [{"label": "A", "text": "x"}]} for n in range(2)]
    (tmp_path / "a.json").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert [row.values for row in read_rows(tmp_path / "a.json")] == rows


def test_what_pandas_writes_is_read_or_answered_with_the_cure(tmp_path: Path) -> None:
    frame, path = pandas.DataFrame(ROWS), tmp_path / "a.json"
    frame.to_json(path, orient="records")
    assert [row.values for row in read_rows(path)] == ROWS
    frame.to_json(path, orient="records", lines=True)
    assert [row.values for row in read_rows(path)] == ROWS
    frame.to_json(path, orient="table", index=False)
    assert [row.values for row in read_rows(tmp_path / "a.json#data")] == ROWS
    frame.to_json(path)
    with pytest.raises(ConfigError, match=r'holds no list of rows; .*to_json\(orient="records"'):
        list(read_rows(path))


@pytest.mark.parametrize("indent", [None, 2])
def test_rows_may_be_lists_of_cells(tmp_path: Path, indent: int | None) -> None:
    """CLINC150's file: the splits are keys of one object, and each row is [text, label]."""
    content = {"val": [["how do i say hi", "translate"]], "train": [["fly me", "oos"], ["a, b", "x"]]}
    path = tmp_path / "data_full.json"
    path.write_text(json.dumps(content, indent=indent), encoding="utf-8")
    frame = pandas.DataFrame(content["train"]).rename(columns=str)
    assert [row.values for row in read_rows(tmp_path / "data_full.json#train")] == frame.to_dict(orient="records")
    with pytest.raises(ConfigError, match=r"lists of rows under val, train; name .*data_full\.json#val or"):
        list(read_rows(path))
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(map(json.dumps, content["train"])), encoding="utf-8")
    assert [row.values for row in read_rows(lines)] == frame.to_dict(orient="records")


@pytest.mark.parametrize("orient", ["split", "values"])
def test_tables_of_pandas_without_objects_are_read(tmp_path: Path, orient: Literal["split", "values"]) -> None:
    path = tmp_path / "a.json"
    pandas.DataFrame(ROWS).to_json(path, orient=orient)
    found = [row.values for row in read_rows(path)]
    assert found == (ROWS if orient == "split" else [{"0": one["id"], "1": one["text"]} for one in ROWS])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"columns": ["a", "b"], "data": [["x", "y"], ["z"]]},
            r"a\.json:entry 2: the row has 1 cells, and .* 2 columns",
        ),
        ([["x"], []], r"entry 2: a row must be an object .* or a list of cells, not \[\]"),
        (["x", "y"], r"entry 1: a row must be an object .* or a list of cells, not \"x\""),
    ],
)
def test_rows_that_are_neither_objects_nor_cells_are_refused(tmp_path: Path, content: Any, message: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        list(read_rows(tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("content", "part", "message"),
    [
        ({"train": ROWS, "test": ROWS}, "", r"lists of rows under train, test; name .*: a\.json#train or a\.json#test"),
        ({"train": ROWS}, "#tran", r"has no key 'tran' \(did you mean 'train'\?\), see #tran; it has train"),
        ({"train": "x"}, "#train", r"holds no list of rows"),
        ({"a": {"b": 1}}, "#a.b.c", r"has no key 'c', see #a\.b\.c; what is there is not an object"),
        (ROWS, "#train", r"has no key 'train'"),
    ],
)
def test_what_is_ambiguous_or_missing_is_named(tmp_path: Path, content: Any, part: str, message: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        list(read_rows(tmp_path / f"a.json{part}"))


def test_rows_deep_in_an_object_and_a_list_in_one_line_are_found(tmp_path: Path) -> None:
    rows = [{"text": "first"}, {"text": "second"}]
    (tmp_path / "deep.json").write_text(json.dumps({"meta": {"v": 1}, "payload": {"items": rows}}), encoding="utf-8")
    (tmp_path / "line.jsonl").write_text(json.dumps(rows), encoding="utf-8")
    for name in ("deep.json", "line.jsonl"):
        assert [row.values for row in read_rows(tmp_path / name)] == rows
    both = {"a": {"rows": rows}, "b": {"rows": rows}}
    (tmp_path / "two.json").write_text(json.dumps(both), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"two\.json#a\.rows or two\.json#b\.rows"):
        list(read_rows(tmp_path / "two.json"))
    assert [row.values for row in read_rows(tmp_path / "two.json#b.rows")] == rows
