"""Examples from a user's rows: the forms in which data sets write choices."""

import math
from ast import literal_eval
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import StringIO
from itertools import pairwise
from string import ascii_uppercase
from token import STRING
from tokenize import TokenError, generate_tokens
from typing import Any

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import Row
from distillrun.files.strict_json import strict_json


def value_in(row: Row, column: str, key: str) -> Any:
    """Return a column of a row. Raises ConfigError naming the config key that chose it, and the nearest column."""
    if column not in row.values:
        known = ", ".join(map(str, row.values))
        raise ConfigError(f"{row.where}: no column {column!r}{nearest(column, row.values)}, see {key}; it has: {known}")
    return row.values[column]


def text_in(row: Row, column: str, key: str) -> str:
    """Return a column that must hold a text (a number counts as its digits)."""
    return _text(value_in(row, column, key), row, column)


def choices_in(value: Any, row: Row, column: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the choices and their labels (A, B, ... where the row names none).

    Understood are a list of texts, a list of {label, text}, {label: [...], text: [...]}, {A: ..., B: ...} and, for CSV,
    a list as JSON or as Python prints it.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _list_in(value, row, column)
    labels: Sequence[Any] | None = None
    if isinstance(value, Mapping):
        if value and all(isinstance(text, str) for text in value.values()):
            value, labels = list(value.values()), list(value)
        else:
            value, labels = value.get("text"), value.get("label")
    elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        value, labels = [entry.get("text") for entry in value], [entry.get("label") for entry in value]
    if not isinstance(value, list):
        raise ConfigError(f"{row.where}: {column} must be a list of choices, not {value!r:.60}")
    if not 2 <= len(value) <= len(ascii_uppercase):
        raise ConfigError(f"{row.where}: {column} has {len(value)} choices; 2 to {len(ascii_uppercase)} are possible")
    texts = tuple(_text(choice, row, column) for choice in value)
    if labels is not None and len(labels) != len(texts):
        raise ConfigError(f"{row.where}: {column} has {len(texts)} choices, but {len(labels)} labels")
    return texts, tuple(map(str, labels)) if labels is not None else tuple(ascii_uppercase[: len(texts)])


def _list_in(text: str, row: Row, column: str) -> Any:
    """Return the list that a cell writes: as JSON, or as Python prints it, which pandas saves."""
    with suppress(ValueError):
        return strict_json(text)
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError, TokenError):
        kinds = [token.type for token in generate_tokens(StringIO(text.strip()).readline) if token.string.strip()]
        if (STRING, STRING) not in pairwise(kinds):  # NumPy parts texts by blanks, which Python would join to one
            return literal_eval(text.strip())
    raise ConfigError(
        f"{row.where}: {column} is not a list of choices with commas between them: {text!r:.80}; write it as JSON, "
        'such as ["red", "blue"]'
    )


def _text(value: Any, row: Row, column: str) -> str:
    is_text = isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip() != ""
    if not is_text or (isinstance(value, float) and not math.isfinite(value)):
        raise ConfigError(f"{row.where}: {column} must hold a text, not {value!r:.60}")
    return str(value)
