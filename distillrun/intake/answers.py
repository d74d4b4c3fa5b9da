"""The answers in a user's tables: labels, choices, or neither; and what the first line of a table is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from distillrun.errors import ConfigError
from distillrun.intake.columns import repeats, rows_within
from distillrun.intake.guessed import Kind
from distillrun.intake.tables import LABELS, Table
from distillrun.task.shared.choice_row import is_blank
from distillrun.task.shared.printed_value import printed_value

FEW = 20
"""Rows with lists below which one element that repeats tells of labels."""
SIGNS = ("|", ";", ",")
"""What stands between several labels in a cell."""

WRONG = ("distractor", "incorrect", "wrong", "false")
"""How columns begin that hold wrong choices alone."""


def are_labels(tables: Mapping[str, Table], known: Table, given: str | None, kind: Kind | None) -> bool:
    """Return whether answers are labels; otherwise they are texts in free form.

    Raises:
        ConfigError: there are no answers, or one label alone.
    """
    if kind == "classification" or (given is not None and LABELS in tables):
        return True
    if given is not None and several_labels(known.values(given))[0]:
        return True
    named = [table.values(given) for role, table in tables.items() if role != LABELS and given is not None]
    if any(map(repeats, named)):
        return True
    values = [value for value in known.values(given) if not is_blank(value)] if given is not None else []
    if len({str(value) for value in values}) == 1:
        raise ConfigError(
            f"{known.paths[0]}: the only label in {given} is {str(values[0])[:40]!r}, and a task has two or more; add "
            "rows of others, or a file of labels (labels=FILE)"
        )
    if not values:
        names = ", ".join(known.columns)
        why = (
            rows_within(known.columns, known.cells)
            or f"no column holds labels or answers ({names}); name it with --label"
        )
        raise ConfigError(f"{known.paths[0]}: {why}")
    return False


def check_header(data: Mapping[str, Table]) -> None:
    """Refuse tables without a header, whose first line is a row: a column has the name of a value below it."""
    for table in data.values():
        for column in table.columns:
            values = [str(value).strip() for value in table.values(column) if not is_blank(value)]
            if column.strip() and repeats(values) and column.strip() in values:
                raise ConfigError(
                    f"{table.paths[0]}: the first line must name the columns, but it looks like a row: {column!r} is "
                    "also a value of that column; add a line before it, such as text,label"
                )


def are_wrong(choices: Sequence[str]) -> bool:
    """Return whether columns of choices hold the wrong ones alone, so that the right one has a column of its own."""
    return all(column.strip().lower().startswith(WRONG) for column in choices)


def several_labels(values: Sequence[Any]) -> tuple[bool, str | None]:
    """Return whether cells hold several labels each, and what stands between them; None where a cell is a list.

    The elements of lists are labels where they repeat; those of lists of accepted answers hardly do. A sign parts
    labels where parts stand in more than one kind of cell, "a|b" next to "b"; of a comma, most of them, since it may
    stand in a label: "Smith, Anna".
    """
    known = [value for value in values if not is_blank(value)]
    if known and all(isinstance(value, list | tuple) or _is_written_list(value) for value in known):
        lists = [{str(one) for one in _elements(value)} for value in known]
        total, different = sum(map(len, lists)), len(set().union(*lists))
        return different <= total / 2 or (len(known) < FEW and different < total), None
    cells = {str(value).strip() for value in known}
    for sign in SIGNS:
        parts = {cell: {part.strip() for part in cell.split(sign)} for cell in cells}
        counts = Counter(part for own in parts.values() for part in own)
        is_parted = any(len(own) > 1 for own in parts.values()) and all(map(len, counts))
        again = sum(count > 1 for count in counts.values())
        are_few = len(counts) <= min(len(cells), len(known) / 2)  # labels repeat, and more than their combinations do
        if is_parted and are_few and (2 * again > len(counts) if sign == "," else again):
            return True, sign
    return False, None


def _elements(value: Any) -> list[Any]:
    """Return the elements of a list, or of one that a text writes; a text that is none alone."""
    if isinstance(value, list | tuple):
        return list(value)
    try:
        found = printed_value(str(value).strip())
    except ValueError:
        return [value]
    return found if isinstance(found, list) else [found]


def _is_written_list(value: Any) -> bool:
    """Return whether a cell is a list as JSON writes it."""
    return isinstance(value, str) and value.strip()[:1] == "[" and value.strip()[-1:] == "]"
