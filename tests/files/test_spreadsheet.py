"""Excel workbooks are read as they show: one sheet, its first row as names, no formula computed."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from distillrun.errors import ConfigError
from distillrun.files.rows import read_rows


def book(path: Path, **sheets: Sequence[Sequence[Any]]) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def test_a_sheet_gives_its_rows(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        [],
        ["id", "question ", None, "answer"],
        [1, "Größe?", None, 2.5],
        [],
        [2, " ", None, True],
    ]
    path = book(tmp_path / "a.xlsx", empty=[], rows=rows)
    found = list(read_rows(path))
    assert [row.values for row in found] == [
        {"id": 1, "question": "Größe?", "answer": 2.5},
        {"id": 2, "question": None, "answer": True},
    ]
    assert [row.where for row in found] == [f"{path}:3", f"{path}:5"]


def test_one_of_several_sheets_is_named(tmp_path: Path) -> None:
    sheets: dict[str, list[list[Any]]] = {"train set": [["id"], [1]], "test": [["id"], [2]]}
    path = book(tmp_path / "a.xlsx", **sheets)
    with pytest.raises(ConfigError, match=r"the sheets train set, test; name .*'a\.xlsx#train set' or 'a\.xlsx#test'"):
        list(read_rows(path))
    assert [row.values for row in read_rows(tmp_path / "a.xlsx#train set")] == [{"id": 1}]
    with pytest.raises(ConfigError, match=r"no sheet 'tset' \(did you mean 'test'\?\); it has: train set, test"):
        list(read_rows(tmp_path / "a.xlsx#tset"))


def test_a_formula_is_never_computed(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", rows=[["id", "text"], [1, '=HYPERLINK("http://x")'], [2, "=1+1"]])
    assert [row.values["text"] for row in read_rows(path)] == [None, None]  # no program saved what they show


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["id", "id"], [1, 2]], r"a\.xlsx:1: the first row must name each column once"),
        ([["id"], [1, "x"]], r"a\.xlsx:2: a cell is to the right of the last named column"),
        ([["id"], ["#N/A"]], r"a\.xlsx:2: the cell A2 shows the error #N/A"),
        ([], r"a\.xlsx holds no cell"),
    ],
)
def test_a_bad_sheet_is_named_by_its_row(tmp_path: Path, rows: Sequence[Sequence[Any]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(read_rows(book(tmp_path / "a.xlsx", rows=rows)))


def test_what_is_no_workbook_or_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ConfigError, match=r"cannot be read as an Excel workbook"):
        list(read_rows(path))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * 80 * 2**20)
    with pytest.raises(ConfigError, match=r"unpacks to more than 200 times its size"):
        list(read_rows(path))
