"""Predictors of quality in addition to the model: the explanation's length, and what raters say of themselves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distillrun.study.ratings import Rating

MODEL, LENGTH = "model", "rationale_length"
UNTOLD = "not told"
"""The level of raters who leave out what is not a number."""


@dataclass(frozen=True, slots=True)
class Predictors:
    """Columns of a linear model.

    Attributes:
        rows: those that tell everything; the columns are as long.
        columns: numbers or names.
        notes: what was left out, and why.
    """

    rows: Sequence[Rating]
    columns: Mapping[str, Sequence[float | str]]
    notes: Sequence[str]


def predictors(rows: Sequence[Rating], about: Sequence[str]) -> Predictors:
    """Return the model, the length where the answers tell it, and what is asked about the raters.

    A column whose known values are all numbers is one of numbers, and rows without it are left out; in any
    other one, upper and lower case are equal and not telling is a level of its own. A constant column is left out: it
    can explain nothing.
    """
    told: dict[str, list[float | str | None]] = {}
    if any(row.length is not None for row in rows):
        told[LENGTH] = [row.length for row in rows]
    told |= {name: _told([row.about.get(name, "") for row in rows]) for name in about}
    notes = []
    for name, values in told.items():
        if unknown := sum(value is None for value in values):
            notes.append(f"{unknown} rows without {name} are left out of this model")
    kept = [place for place in range(len(rows)) if all(values[place] is not None for values in told.values())]
    columns: dict[str, Sequence[float | str]] = {MODEL: [rows[place].model for place in kept]}
    for name, values in told.items():
        own = [value for place in kept if (value := values[place]) is not None]
        if len(set(own)) > 1:
            columns[name] = own
        elif own:
            notes.append(f"{name} is left out, since it is {own[0]} in every row")
    return Predictors([rows[place] for place in kept], columns, notes)


def levels(rows: Sequence[Rating], column: str) -> list[str]:
    """Return the levels of a predictor of names in alphabetical order; none of one of numbers."""
    if column == MODEL:
        return sorted({row.model for row in rows})
    return sorted({one for one in _told([row.about.get(column, "") for row in rows]) if isinstance(one, str)})


def _told(texts: Sequence[str]) -> list[float | str | None]:
    """Return the values as numbers (None = left out) if all that are known are numbers, else as names."""
    try:
        numbers: list[float | str | None] = [_finite(text) if text else None for text in texts]
    except ValueError:
        spelt: dict[str, str] = {}
        return [spelt.setdefault(text.casefold(), text) if text else UNTOLD for text in texts]
    return numbers if any(texts) else [UNTOLD for _ in texts]


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number")
    return number
