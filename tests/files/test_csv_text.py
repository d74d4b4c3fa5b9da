"""No CSV of ours runs anything in a spreadsheet, whatever its texts hold and whatever parts the cells."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.files.csv_text import csv_text, inert
from distillrun.report.comparison.table import Request, read_observations
from distillrun.report.page.block import Page, Section, Table
from distillrun.report.page.files import write_page
from distillrun.report.sweep.writing import write_sweep_page
from distillrun.study.design import design
from distillrun.text.display import plain
from tests.report.sweep.test_page import write_job
from tests.structure.disk import MODULES, name_of
from tests.study.test_design import request, write_run

FORMULAS = [
    "=1+1",
    "-2+3+cmd|' /C calc'!A0",
    "+1-2+cmd|' /C calc'!A0",
    "-.5+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\n=cmd|' /C calc'!A0",
    "\r\n=1+1",
    "\t=1+1",
    "   =1+1",
    " -1+1",
    "\u00a0=1+1",
    "\uff1d1+1",
    "\uff0b1",
    "a;=1+1",
    "a\t=1+1",
    "a\n=1+1",
    'a;"=1+1"',
    "x;-2+cmd|' /C calc'!A0",
    "\x00=1+1",
    "\u202e=1+1",
    "\x1b[31m=1+1",
    "1e5+cmd|' /C calc'!A0",
    "-1 to =2",
    ";-0",
    "-0;",
]
NUMBERS = ["-2.5", "+3", "1e-4", "-1E+5", ".5", "-.5", "5.", "-3.0 %", "-1.5 to 2.5", "-0.5 [-1.0, 2.0]", "0"]
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


def is_inert(cell: str) -> bool:
    """Return whether a cell is no formula: it begins with no sign, or with a number that nothing is reckoned with."""
    text = cell.lstrip()
    first = re.split(r" %$| to |,| \[", text)[0]
    try:
        return not text or text[0] not in SIGNS or math.isfinite(float(first))
    except ValueError:
        return False


def every_cell(text: str) -> Iterator[str]:
    """Yield the cells as programs read them that part cells at commas, semicolons or tabs."""
    for sign in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign):
            yield from row


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_a_text(formula: str) -> None:
    for row in ([formula, "b"], ["a", formula], [formula]):
        assert all(map(is_inert, every_cell(csv_text(["x", formula], [row])))), row


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_a_number(number: str) -> None:
    assert inert(number) == number
    assert [row[0] for row in csv.reader(io.StringIO(csv_text(["x"], [[number]])))] == ["x", number]


def test_values_are_written_as_they_are() -> None:
    assert csv_text(["a", "b"], [[-2.5, 1e-7], [True, None], ["x,y", 'say "z"'], [["p"], {}]]) == (
        'a,b\n-2.5,1e-07\nTrue,\n"x,y","say ""z"""\n[\'p\'],{}\n'
    )


def test_what_is_written_can_be_compared(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text(csv_text(["arm", "change"], [["a", -2.5], ["=b", 1e-4]]), encoding="utf-8")
    request = Request("change", ["arm"], scale=1)
    found = read_observations(tmp_path / "runs.csv", request)
    assert {(one.levels, one.value) for one in found.rows} == {(("a",), -2.5), (("'=b",), 1e-4)}


ANY = st.text(max_size=20) | st.lists(st.sampled_from([*"=+-@;,\t\n\r \"'1.e", "cmd|", "to "]), max_size=12).map(
    "".join
)


@given(st.lists(st.lists(ANY, min_size=2, max_size=2), max_size=4))
def test_whatever_is_written_is_inert_and_says_what_it_said(rows: list[list[str]]) -> None:
    text = csv_text(["a", "b"], rows)
    assert all(map(is_inert, every_cell(text)))
    _, *found = csv.reader(io.StringIO(text, newline=""))
    said = [["".join(plain(cell).split("'")) for cell in row] for row in rows]
    assert [["".join(cell.split("'")) for cell in row] for row in found] == said


def write_tables(folder: Path, formula: str) -> None:
    table = Table(("a", formula), [(formula, "1"), ("-2.5", f"a;{formula}")], name="tests")
    write_page(folder, Page("t", "done", "good", "s", [Section("S", [table])]))


def write_sweep(folder: Path, formula: str) -> None:
    for number in range(4):
        settings = {"task.note": formula if number % 2 else "plain", "training.seed": number // 2}
        write_job(folder / "sweep", number, settings, right=10 + number, folder=f"{number}")
    write_sweep_page([folder / "sweep"], folder)


def write_study(folder: Path, formula: str) -> None:
    runs = [write_run(folder / "runs", name) for name in ("one", "two")]
    for run in runs:
        rows = [json.loads(line) for line in (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
        told = [{**row, "rationale": formula, "question": f"{formula}{row['question']}"} for row in rows]
        (run / "predictions.jsonl").write_text("\n".join(map(json.dumps, told)) + "\n", encoding="utf-8")
    design(request(folder / "study", *map(str, runs)))


@pytest.mark.parametrize("write", [write_tables, write_sweep, write_study])
def test_every_file_that_is_written_is_inert(write: Callable[[Path, str], None], tmp_path: Path) -> None:
    formula = FORMULAS[1]
    write(tmp_path, formula)
    files = [file for file in tmp_path.rglob("*.csv") if file.is_file()]
    texts = [file.read_text(encoding="utf-8") for file in files]
    assert any(formula[1:] in text for text in texts)
    assert [cell for text in texts for cell in every_cell(text) if not is_inert(cell)] == []


def test_no_module_writes_csv_by_itself() -> None:
    written = {
        name_of(path)
        for path in MODULES
        if re.search(
            r"csv\.(?:writer|DictWriter)|to_csv|QUOTE_ALL|savetxt|write_csv",
            path.read_text(encoding="utf-8"),
        )
    }
    assert written == set()
