"""Examples from a user's rows: the forms in which data sets write choices."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import Row
from distillrun.task.shared.printed_value import printed_value


def has_column(row: Row, column: str) -> bool:
    """Return whether a row has a column, or the first part of a dotted name."""
    return column in row.values or column.split(".")[0] in row.values


def value_in(row: Row, column: str, key: str, cure: str = "") -> Any:
    """Return a column of a row, or what stands in it by a dotted name such as question.stem.

    Args:
        row: of a file.
        column: its name.
        key: of the setting that names it.
        cure: what else may be done where it is not there.

    Raises:
        ConfigError: naming the config key that chose it, and the nearest column.
    """
    found: Any = row.values
    for name in [column] if column in row.values else column.split("."):
        if not isinstance(found, Mapping) or name not in found:
            known = list(map(str, found)) if isinstance(found, Mapping) else []
            held = f"it has: {', '.join(known)}" if known else "what is there holds no others"
            raise ConfigError(f"{row.where}: no column {column!r}{nearest(name, known)}, see {key}; {held}{cure}")
        found = found[name]
    return found


def text_in(row: Row, column: str, key: str) -> str:
    """Return a column that must hold a text (a number counts as its digits)."""
    return _text(value_in(row, column, key), row, column)


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a row.

    Attributes:
        texts: in their order.
        labels: by which answers may call them: those of the row, or A, B, ...
        places: where each stands, from 0; others than 0, 1, ... where a cell before it is blank.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    places: tuple[int, ...]


def choices_in(value: Any, row: Row, column: str) -> Choices:
    """Return the choices that a value holds.

    Understood are a list of texts, a list of {label, text}, {label: [...], text: [...]}, {A: ..., B: ...} and, for CSV,
    the same as JSON or as Python and NumPy print it.
    """
    if isinstance(value, str) and value.lstrip().startswith(("[", "{", "(", "array(")):
        value = _printed(value, row, column)
    labels: Sequence[Any] | None = None
    if isinstance(value, Mapping):
        if value and all(isinstance(text, str) for text in value.values()):
            value, labels = list(value.values()), list(value)
        else:
            value, labels = value.get("text"), value.get("label")
    elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        value, labels = [entry.get("text") for entry in value], [entry.get("label") for entry in value]
    if not isinstance(value, list):
        raise ConfigError(
            f"{row.where}: {column} must be a list of choices, not {value!r:.60}; where each choice has a column of "
            "its own, name all of them: task.fields.choices=[a,b,c,d]"
        )
    texts = tuple(_text(choice, row, column) for choice in value)
    if labels is not None and len(labels) != len(texts):
        raise ConfigError(f"{row.where}: {column} has {len(texts)} choices, but {len(labels)} labels")
    named = tuple(map(str, labels)) if labels is not None else tuple(ascii_uppercase[: len(texts)])
    return _checked(Choices(texts, named, tuple(range(len(texts)))), row, column)


def choices_of_columns(row: Row, columns: Sequence[str], key: str) -> Choices:
    """Return the choices that stand in columns of their own; a blank cell is not a choice, but keeps its letter."""
    values = [value_in(row, column, key) for column in columns]
    filled = [place for place, value in enumerate(values) if not is_blank(value)]
    texts = tuple(_text(values[place], row, columns[place]) for place in filled)
    labels = tuple(ascii_uppercase[place] if place < len(ascii_uppercase) else "" for place in filled)
    return _checked(Choices(texts, labels, tuple(filled)), row, ", ".join(columns))


def is_blank(value: Any) -> bool:
    """Return whether a cell holds nothing."""
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, float) and math.isnan(value))
    )


def _checked(choices: Choices, row: Row, column: str) -> Choices:
    count = len(choices.texts)
    if not 2 <= count <= len(ascii_uppercase):
        raise ConfigError(f"{row.where}: {column} has {count} choices; 2 to {len(ascii_uppercase)} are possible")
    return choices


def _printed(text: str, row: Row, column: str) -> Any:
    """Return the list or mapping that a cell writes."""
    try:
        return printed_value(text)
    except ValueError as error:
        raise ConfigError(
            f"{row.where}: {column} looks like a list of choices, but cannot be read as one ({error}): {text!r:.80}; "
            'write it as JSON, such as ["red", "blue"]'
        ) from None


def _text(value: Any, row: Row, column: str) -> str:
    is_text = isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip() != ""
    if not is_text or (isinstance(value, float) and not math.isfinite(value)):
        cure = "fill the cell, or remove the row" if is_blank(value) else "write one, or name another column"
        raise ConfigError(f"{row.where}: {column} must hold a text, not {value!r:.60}; {cure}")
    return str(value)
