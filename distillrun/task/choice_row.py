"""From a user's row to an example: the forms in which data sets write choices and answers."""

import json
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any, Literal

from distillrun.errors import ConfigError, nearest
from distillrun.rows import Row
from distillrun.task.choice_naming import folded

AnswerForm = Literal["auto", "text", "letter", "index", "number", "boolean"]

_TRUE = ("yes", "true")
_FALSE = ("no", "false")


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

    Understood are a list of texts, a list of {label, text}, {label: [...], text: [...]} and, for CSV, a list as JSON.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{row.where}: {column} is no JSON list of choices: {error}") from error
    labels: Sequence[Any] | None = None
    if isinstance(value, Mapping):
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


def answer_index(answer: Any, choices: tuple[str, ...], labels: tuple[str, ...], form: AnswerForm, where: str) -> int:
    """Return which choice an answer means; the first one where choices repeat.

    Raises:
        ConfigError: there is no answer, it is not among the choices, or `form` is auto and it could mean two of them.
    """
    if answer is None or (isinstance(answer, str) and not answer.strip()):
        raise ConfigError(f"{where}: the row has no answer; rows without one can neither teach nor test")
    found: dict[AnswerForm, int] = {}
    for forms in _forms(answer, form):
        readings = {name: _read(answer, choices, labels, name) for name in forms}
        found = found or {name: index for name, index in readings.items() if index is not None}
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    if found:
        raise ConfigError(
            f"{where}: the answer {answer!r} may be read as {' or as '.join(found)}; set task.answer_form"
        )
    shown = ", ".join(map(repr, choices))
    raise ConfigError(
        f"{where}: the answer {answer!r} is not among the choices {shown}{nearest(str(answer), choices)}"
        f" (task.answer_form={form})"
    )


def _forms(answer: Any, form: AnswerForm) -> tuple[tuple[AnswerForm, ...], ...]:
    """Return the readings to try: those of a later group only where an earlier group found none."""
    if form != "auto":
        return ((form,),)
    if isinstance(answer, bool):
        return (("boolean",),)
    return (("text", "letter"), ("index", "boolean")) if isinstance(answer, str) else (("text", "index"),)


def _read(answer: Any, choices: tuple[str, ...], labels: tuple[str, ...], form: AnswerForm) -> int | None:
    if form == "text":
        return _position(str(answer), choices)
    if form == "letter":
        return _position(str(answer), labels)
    if form == "boolean":
        words = next((words for words in (_TRUE, _FALSE) if folded(str(answer)) in words), ())
        return next((index for index, choice in enumerate(choices) if folded(choice) in words), None)
    digits = str(answer).strip()
    index = int(digits) - (form == "number") if digits.isascii() and digits.isdigit() and len(digits) < 4 else -1
    return index if 0 <= index < len(choices) else None


def _position(text: str, names: tuple[str, ...]) -> int | None:
    if text in names:
        return names.index(text)
    return next((index for index, name in enumerate(names) if folded(name) == folded(text)), None)


def _text(value: Any, row: Row, column: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not str(value).strip():
        raise ConfigError(f"{row.where}: {column} must hold a text, not {value!r:.60}")
    return str(value)
