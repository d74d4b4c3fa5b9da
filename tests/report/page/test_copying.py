"""Tables and drawings in the forms that papers take."""

import csv
import io
from functools import partial
from pathlib import Path

from distillrun.files.csv_text import csv_text
from distillrun.report.page.block import Figure, Page, Paragraph, Section, Table
from distillrun.report.page.copying import comma_separated, latex
from distillrun.report.page.files import write_page
from distillrun.report.page.html import html
from distillrun.report.page.plane_chart import heat_map
from distillrun.report.page.terminal import terminal

TABLE = Table(("arm_1", "p"), [("a & b", "-0.5"), ("50 % {x}", "< 0.0001")], frozenset({1}), name="tests")


def test_latex_says_what_the_table_says() -> None:
    assert latex(TABLE).splitlines() == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"arm\_1 & p \\",
        r"\midrule",
        r"a \& b & $-$0.5 \\",
        r"50 \% \{x\} & $<$ 0.0001 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_csv_reads_back_and_runs_no_formula() -> None:
    assert list(csv.reader(io.StringIO(comma_separated(TABLE)))) == [["arm_1", "p"], *map(list, TABLE.rows)]
    assert csv_text(["a"], [["=1+1"], ["@x"], ["+x"], ["-3"], [-2.5]]) == "a\n'=1+1\n'@x\n'+x\n-3\n-2.5\n"


def test_a_named_table_can_be_copied_from_the_page_and_an_unnamed_one_not() -> None:
    page = Page("t", "done", "good", "s", [Section("S", [TABLE, Table(("x",), [("y",)])])])
    assert html(page).count("<details") == 1
    assert "\\begin{tabular}" in html(page)


def test_a_terminal_shows_sentences_and_aligned_tables() -> None:
    page = Page("title", "done", "good", "summary", [Section("part", [Paragraph("Told.\x1b[31m"), TABLE])])
    assert terminal(page).splitlines() == [
        *["title", "summary", "", "PART", "Told."],
        *["arm_1            p", "a & b         -0.5", "50 % {x}  < 0.0001"],
    ]


def test_a_page_writes_its_named_tables_and_drawings(tmp_path: Path) -> None:
    figure = Figure(partial(heat_map, ["1"], ["2"], [[0.5]], ("x", "y")), "caption", TABLE, name="grid")
    write_page(tmp_path, Page("t", "done", "good", "s", [Section("S", [figure, TABLE])]))
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    assert names == [
        "plots/grid.png",
        "plots/grid.svg",
        "report.html",
        "report.md",
        "tables/tests.csv",
        "tables/tests.tex",
    ]


def test_tables_of_one_name_are_all_written(tmp_path: Path) -> None:
    tables = [Table(("a",), [(str(number),)], name=name) for number, name in enumerate(("x", "X", "x_2", "x"))]
    figures = [Figure(partial(heat_map, ["1"], ["2"], [[0.5]], ("x", "y")), "caption", TABLE, name="grid")] * 2
    write_page(tmp_path, Page("t", "done", "good", "s", [Section("S", [*tables, *figures])]))
    written = {file.stem: file.read_text().split()[1] for file in sorted(tmp_path.glob("tables/*.csv"))}
    assert written == {"x": "0", "X_2": "1", "x_2_2": "2", "x_3": "3"}
    assert sorted(file.name for file in tmp_path.glob("plots/*.png")) == ["grid.png", "grid_2.png"]
