"""Tables in the forms that papers and programs take: LaTeX and CSV."""

import re
from collections.abc import Sequence
from itertools import chain, count
from typing import TypeVar

from distillrun.files.csv_text import csv_text
from distillrun.report.page.block import Figure, Page, Table
from distillrun.text.display import plain

Named = TypeVar("Named")

_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "²": r"$^2$",
    "η": r"$\eta$",
    "<": "$<$",
    ">": "$>$",
    "–": "--",
}


def named_tables(page: Page) -> dict[str, Table]:
    """Return the tables of a page that have a name, which are those to copy, by names that differ."""
    blocks = [block for section in page.sections for block in section.blocks]
    return distinct([(block.name, block) for block in blocks if isinstance(block, Table) and block.name])


def named_figures(page: Page) -> dict[str, Figure]:
    """Return the drawings of a page that have a name, by names that differ."""
    blocks = [block for section in page.sections for block in section.blocks]
    return distinct([(block.name, block) for block in blocks if isinstance(block, Figure) and block.name])


def distinct(named: Sequence[tuple[str, Named]]) -> dict[str, Named]:
    """Return things by their names; where a name is taken, it gets a number.

    Names that differ in case alone are one name, since they would be one file on some disks.
    """
    found: dict[str, Named] = {}
    taken: set[str] = set()
    for name, thing in named:
        numbered = (f"{name}_{number}" for number in count(2))
        free = next(other for other in chain([name], numbered) if other.casefold() not in taken)
        taken.add(free.casefold())
        found[free] = thing
    return found


def latex(table: Table) -> str:
    """Return a table as LaTeX for the package booktabs."""
    form = "".join("r" if place in table.numbers else "l" for place in range(len(table.columns)))
    head = [rf"\begin{{tabular}}{{{form}}}", r"\toprule", _row(table.columns), r"\midrule"]
    return "\n".join([*head, *map(_row, table.rows), r"\bottomrule", r"\end{tabular}", ""])


def comma_separated(table: Table) -> str:
    """Return a table as CSV, cells as they are shown."""
    return csv_text(table.columns, table.rows)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(_escaped(cell) for cell in cells) + r" \\"


def _escaped(text: str) -> str:
    line = " ".join(plain(text).split())
    escaped = "".join(_LATEX.get(character, character) for character in line)
    return re.sub(r"(?<![\w$])-(?=\d)", "$-$", escaped)
