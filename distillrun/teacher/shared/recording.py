"""Stored rows of teacher output: the project's own records, or columns of somebody else's table."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from string import Formatter
from typing import Literal, Protocol

from distillrun.errors import ConfigError, nearest
from distillrun.files.jsonl import read_records
from distillrun.files.rows import Row, read_rows
from distillrun.records import (
    Answer,
    Example,
    Rationale,
    TeacherRecord,
    gold,
    is_right,
    kind_of,
    place,
    wrong_choices,
)
from distillrun.text.cleaning import clean
from distillrun.text.thinking import has_tags, is_open, said_in

FIELDS = ("id", "question", "choices", "initial", "revised", "by_choice")


def read_recordings(path: Path, columns: "Columns") -> Iterator[tuple[str, "Recording"]]:
    """Yield (id, recording) for each row of a file or folder."""
    own = own_records(path)
    if own is not None:
        yield from ((record.example_id, StoredRecording(record)) for record in own)
    else:
        yield from ((columns.id_of(row), TableRecording(row, columns)) for row in read_rows(path))


def own_records(path: Path) -> list[TeacherRecord] | None:
    """Return what a file of the project's own records holds; None where it is something else."""
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if len(files) != 1 or files[0].suffix != ".jsonl":
        return None
    first = next(read_rows(files[0]), None)
    is_own = first is not None and {"example_id", "rationales"} <= first.values.keys()
    return read_records(files[0], TeacherRecord) if is_own else None


class Recording(Protocol):
    """A stored row, before it is joined to its example."""

    def belongs_to(self, example: Example) -> bool:
        """Return whether a row of this example's id was really made for it."""

    def record(self, example: Example, counts: Counter[str]) -> TeacherRecord:
        """Return the row as a record, and count the rationales that turn out empty."""


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A line of the project's own records."""

    stored: TeacherRecord

    def belongs_to(self, example: Example) -> bool:
        stored, places = self.stored, range(len(example.choices))
        if stored.answer is not None and stored.answer not in places:
            return False
        if stored.choice_log_probs is not None and len(stored.choice_log_probs) != len(places):
            return False
        return all(
            rationale.supports in places
            and (example.answer is None or is_right(example, rationale.supports) == (rationale.kind == "factual"))
            for rationale in stored.rationales
        )

    def record(self, example: Example, counts: Counter[str]) -> TeacherRecord:
        rationales = [replace(one, text=_without_thinking(one)) for one in self.stored.rationales]
        counts.update(
            f"{kind_of(one)}: {'nothing but thinking' if has_tags(one.raw) else 'empty'}"
            for one in rationales
            if not one.text.strip()
        )
        return replace(self.stored, rationales=tuple(one for one in rationales if one.text.strip()))


class Columns:
    """The names of a table's columns.

    Args:
        fields: `FIELDS` to column names; None = the table has no such column. `by_choice` holds `{number}`, from 1 in
            the order of the choices.
    """

    def __init__(self, fields: Mapping[str, str | None]) -> None:
        for name in fields:
            if name not in FIELDS:
                known = ", ".join(FIELDS)
                raise ConfigError(f"teacher.fields.{name} is not a setting{nearest(name, FIELDS)}; it has {known}")
        self._fields = {name: fields.get(name) for name in FIELDS}
        pattern = self._fields["by_choice"]
        if pattern is not None and [field for _, field, _, _ in Formatter().parse(pattern) if field] != ["number"]:
            raise ConfigError(f"teacher.fields.by_choice={pattern} must hold {{number}} once, the number of the choice")
        if self._fields["id"] is None or not self.makes:
            raise ConfigError("teacher.fields must name the column of id, and one of initial, revised and by_choice")

    @property
    def makes(self) -> frozenset[str]:
        """The kinds of rationale that the columns hold; `by_choice` argues for the right choice, too."""
        made = {name for name in ("initial", "revised") if self._fields[name] is not None}
        return frozenset(made | ({"initial", "counterfactual"} if self._fields["by_choice"] is not None else set()))

    def id_of(self, row: Row) -> str:
        """Return the id of a row. Raises ConfigError where a column is not there or holds something else."""
        for name in FIELDS[:-1]:
            self._value(row, name)
        value = self._value(row, "id")
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
            raise ConfigError(f"{row.where}: {self._fields['id']} must hold an id, not {value!r:.60}")
        return str(value)

    def belongs_to(self, row: Row, example: Example) -> bool:
        """Compare question and choices, where there are columns of them, by letters and digits alone."""
        question, choices = self._value(row, "question"), self._value(row, "choices")
        same_question = question is None or _bare(str(question)) == _bare(example.question)
        if not isinstance(choices, list):
            return same_question
        return same_question and [_bare(str(choice)) for choice in choices] == list(map(_bare, example.choices))

    def rationales(self, row: Row, example: Example, counts: Counter[str]) -> Iterator[Rationale]:
        """Yield the rationales of a row that are not empty, and count the others."""
        right = gold(example)
        initial = self._rationale(self._text(row, "initial"), right, "factual", "initial", counts)
        by_choice = self._text(row, "by_choice", place(right) + 1) if example.choices else None
        initial = initial or self._rationale(by_choice, right, "factual", "initial", counts)
        revised = self._rationale(self._text(row, "revised"), right, "factual", "revised", counts)
        wrong = [
            self._rationale(self._text(row, "by_choice", choice + 1), choice, "counterfactual", "initial", counts)
            for choice in wrong_choices(example)
        ]
        yield from (rationale for rationale in (initial, revised, *wrong) if rationale is not None)

    def _rationale(
        self,
        raw: str | None,
        supports: Answer,
        kind: Literal["factual", "counterfactual"],
        version: Literal["initial", "revised"],
        counts: Counter[str],
    ) -> Rationale | None:
        if raw is None:
            return None
        made = Rationale(clean("" if is_open(raw) else said_in(raw)), raw, supports, kind, version)
        if made.text:
            return made
        why = "nothing but thinking" if has_tags(raw) else "nothing left by cleaning" if raw.strip() else "empty"
        counts[f"{kind_of(made)}: {why}"] += 1
        return None

    def _text(self, row: Row, name: str, number: int | None = None) -> str | None:
        """Return a text; None where no column is named. A cell without a value counts as an empty text."""
        if self._fields[name] is None:
            return None
        value = self._value(row, name, number)
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{row.where}: teacher.fields.{name} must hold a text, not {value!r:.60}")
        return value or ""

    def _value(self, row: Row, name: str, number: int | None = None) -> object:
        column = self._fields[name]
        if column is None:
            return None
        column = column if number is None else column.format(number=number)
        if column not in row.values:
            hint, known = nearest(column, row.values), ", ".join(row.values)
            key = f"teacher.fields.{name} (null where there is none)"
            raise ConfigError(f"{row.where}: no column {column!r}{hint}, see {key}; it has: {known}")
        value: object = row.values[column]
        return value


@dataclass(frozen=True, slots=True)
class TableRecording:
    """A row of a table whose columns are known."""

    row: Row
    columns: Columns

    def belongs_to(self, example: Example) -> bool:
        return self.columns.belongs_to(self.row, example)

    def record(self, example: Example, counts: Counter[str]) -> TeacherRecord:
        return TeacherRecord(example.id, tuple(self.columns.rationales(self.row, example, counts)), {})


def _without_thinking(stored: Rationale) -> str:
    """Return the text of a stored rationale; where an earlier version took thinking for it, what was said after it."""
    if not has_tags(stored.text):
        return stored.text
    return "" if is_open(stored.raw) else clean(said_in(stored.raw))


def _bare(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
