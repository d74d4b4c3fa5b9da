"""A user's table as observations: the value's column, the factors, and the rows that count."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import Row, read_rows
from distillrun.report.comparison.compare import Observation

_DIGITS = re.compile(r"[+-]?\d+\.\d+")

Conditions = Sequence[tuple[str, str]]
"""Pairs of a column and a value, all of which hold."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor: one column, or several whose values are joined."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """The request to read a table.

    Attributes:
        value: the column of the number that is compared.
        factors: as `COLUMN`, `COLUMN+COLUMN` or `NAME=COLUMN+COLUMN`.
        keep: only rows for which all conditions of one of these hold count; empty = all rows.
        drop: rows for which all conditions of one of these hold do not count.
        renamed: what a value of a factor's column is called instead; empty = it is left out of joined levels.
        scale: what values are multiplied by; None = 100 where all of them lie between 0 and 1, else 1.
    """

    value: str
    factors: Sequence[str]
    keep: Sequence[Sequence[str]] = ()
    drop: Sequence[Sequence[str]] = ()
    renamed: Sequence[str] = ()
    scale: float | None = None


@dataclass(frozen=True, slots=True)
class Observations:
    """The observations as read, cell by cell; the number of rows; and the scale of the values."""

    factors: tuple[str, ...]
    rows: list[Observation]
    of: int
    scale: float
    notes: list[str] = field(default_factory=list)


def read_observations(path: Path, request: Request) -> Observations:
    """Return the observations of a table.

    Raises:
        ConfigError: naming the column that is not there, the condition that no row meets, the rows whose value is no
            number, or the factor that has one level only.
    """
    rows = list(read_rows(path))
    if not rows:
        raise ConfigError(f"{path} holds no row")
    columns = list(rows[0].values)
    _known(request.value, columns, "--value")
    factors = [_factor(text, columns) for text in request.factors]
    taken = _chosen(rows, request, columns)
    names = _renames(request.renamed, taken, factors)
    values = _numbers(taken, request.value)
    scale = request.scale
    if scale is None:
        scale = 100.0 if all(0 <= value <= 1 for value in values) else 1.0
    found = [
        Observation(tuple(_level(row, factor, names) for factor in factors), scale * value, row.where)
        for row, value in zip(taken, values, strict=True)
    ]
    for place, factor in enumerate(factors):
        levels = {one.levels[place] for one in found}
        if len(levels) < 2:
            raise ConfigError(
                f"factor {factor.name} has one level only, {next(iter(levels))!r}: there is nothing to compare; "
                "choose another factor, or other rows with --where and --drop"
            )
    return Observations(tuple(factor.name for factor in factors), _sorted(found), len(rows), scale)


def _known(column: str, columns: Sequence[str], option: str) -> None:
    if column not in columns:
        listed = ", ".join(map(repr, columns))
        raise ConfigError(f"{option}: there is no column {column!r}{nearest(column, columns)}; there are {listed}")


def _factor(text: str, columns: Sequence[str]) -> Factor:
    if text in columns:
        return Factor(text, (text,))
    name, equals, rest = text.partition("=")
    parts = (rest if equals else text).split("+")
    for part in parts:
        _known(part, columns, f"--factors {text}")
    return Factor(name if equals else " ".join(parts), tuple(parts))


def _condition(text: str, columns: Sequence[str], option: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{option} {text}: a condition is COLUMN=VALUE")
    _known(column, columns, f"{option} {text}")
    return column, value


def _chosen(rows: Sequence[Row], request: Request, columns: Sequence[str]) -> list[Row]:
    """Return the rows that count. A condition that no row meets is a mistake, and is said to be one."""
    keep = [[_condition(text, columns, "--where") for text in group] for group in request.keep]
    drop = [[_condition(text, columns, "--drop") for text in group] for group in request.drop]
    for option, groups in (("--where", keep), ("--drop", drop)):
        for group in groups:
            if not any(_holds(row, group) for row in rows):
                known = "; ".join(f"{column}: {_values(rows, column)}" for column, _ in group)
                told = " ".join(f"{column}={value}" for column, value in group)
                raise ConfigError(f"{option} {told} matches no row; values are {known}")
    taken = [
        row
        for row in rows
        if (not keep or any(_holds(row, group) for group in keep)) and not any(_holds(row, group) for group in drop)
    ]
    if not taken:
        raise ConfigError(f"--where and --drop leave none of {len(rows)} rows")
    return taken


def _holds(row: Row, conditions: Conditions) -> bool:
    return all(_text(row, column) == value for column, value in conditions)


def _values(rows: Sequence[Row], column: str) -> str:
    found = sorted({_text(row, column) for row in rows}, key=_natural)
    return ", ".join(found[:8]) + (", …" if len(found) > 8 else "")


def _text(row: Row, column: str) -> str:
    value = row.values.get(column)
    return "" if value is None else str(value).strip()


def _renames(pairs: Sequence[str], rows: Sequence[Row], factors: Sequence[Factor]) -> dict[str, str]:
    columns = {column for factor in factors for column in factor.columns}
    there = {_text(row, column) for row in rows for column in columns}
    names = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not equals:
            raise ConfigError(f"--rename {pair}: write OLD=NEW")
        if old not in there:
            raise ConfigError(f"--rename {pair}: no factor has the value {old!r}{nearest(old, there)}")
        names[old] = new
    return names


def _level(row: Row, factor: Factor, names: dict[str, str]) -> str:
    parts = [names.get(text, text) for text in (_text(row, column) for column in factor.columns)]
    return " ".join(part for part in parts if part) or "(empty)"


def _numbers(rows: Sequence[Row], column: str) -> list[float]:
    values, wrong = [], []
    found = [row.values.get(column) for row in rows]
    for row, value in zip(rows, _with_points(found), strict=True):
        try:
            number = math.nan if isinstance(value, bool) or value is None else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            wrong.append(f"{row.where}: {column}={value!r}")
        values.append(number)
    if wrong:
        more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
        raise ConfigError(f"no numbers: {'; '.join(wrong[:5])}{more}; fix these rows, or leave them out with --drop")
    return values


def _with_points(values: Sequence[Any]) -> Sequence[Any]:
    """Return values with decimal points, where a spreadsheet wrote commas in all of them.

    Where each comma has three digits behind it, it may part thousands: then nothing is changed, and the values are no
    numbers.
    """
    parts = [value.strip().partition(",") for value in values if isinstance(value, str) and "," in value]
    is_decimal = all(_DIGITS.fullmatch(whole + "." + rest) for whole, _, rest in parts)
    with_point = any(isinstance(value, str) and "." in value for value in values)
    if not is_decimal or with_point or all(len(rest) == 3 for _, _, rest in parts):
        return values
    return [value.replace(",", ".") if isinstance(value, str) else value for value in values]


def _sorted(found: list[Observation]) -> list[Observation]:
    """Return observations by their levels: numbers as numbers, texts with numbers in them by these."""
    places = range(len(found[0].levels))
    ranks = []
    for place in places:
        levels = {one.levels[place] for one in found}
        try:
            ordered = sorted(levels, key=float)
        except ValueError:
            ordered = sorted(levels, key=_natural)
        ranks.append({level: rank for rank, level in enumerate(ordered)})
    return sorted(found, key=lambda one: [ranks[place][one.levels[place]] for place in places])


def _natural(text: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
