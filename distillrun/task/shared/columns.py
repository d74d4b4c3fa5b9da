"""The columns of a user's rows: those that are read, and those that are not."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import Row
from distillrun.records import Example
from distillrun.task.shared.answer_form import Given
from distillrun.task.shared.choice_row import Choices, choices_in, choices_of_columns, has_column, text_in, value_in
from distillrun.task.shared.row_text import RowText

FIELDS = ("id", "question", "choices", "answer")

_UNLABELLED = "; training rows may be without one: task.label_source=teacher"

Fields = Mapping[str, str | Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class RowQuestion:
    """A question of a row whose answer's form is not known yet."""

    id: str
    question: str
    given: Given


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns that hold each field.

    Attributes:
        id: None = a digest of question and choices.
        question: a column, or a template over several.
        answer: a column.
        choices: one column with a list, or several with a text each; none where the choices are fixed.
        is_list: the choices are a list in one column.
        fixed: the choices of every question; None where the rows hold them.
    """

    id: str | None
    question: RowText
    answer: str
    choices: tuple[str, ...]
    is_list: bool
    fixed: tuple[str, ...] | None

    def asked(self, row: Row, may_lack_answers: bool = False) -> RowQuestion:
        """Return what a row asks. Raises ConfigError where a column is not there or holds something else.

        Args:
            row: of a file.
            may_lack_answers: the column of answers may be missing.
        """
        question = self.question.of(row)
        choices = self._choices_of(row)
        lacks_answer = may_lack_answers and not has_column(row, self.answer)
        answer = None if lacks_answer else value_in(row, self.answer, "task.fields.answer", _UNLABELLED)
        name = text_in(row, self.id, "task.fields.id") if self.id is not None else _digest(question, choices.texts)
        return RowQuestion(name, question, Given(row.where, answer, choices))

    def unanswered(self, row: Row) -> Example:
        """Return the question of a row that needs no answer; its place stands for its id."""
        return Example(row.where, self.question.of(row), self._choices_of(row).texts, None)

    def unused(self, row: Row) -> list[str]:
        """Return the columns of a row that nothing reads, such as a passage that questions are about."""
        read = {self.id, *self.question.columns, self.answer, *self.choices}
        known = read | {name.split(".")[0] for name in read if name is not None}
        return [str(column) for column in row.values if column not in known]

    def _choices_of(self, row: Row) -> Choices:
        if self.fixed is not None:
            return choices_in(list(self.fixed), row, "task.choices")
        if self.is_list:
            return choices_in(value_in(row, self.choices[0], "task.fields.choices"), row, self.choices[0])
        return choices_of_columns(row, self.choices, "task.fields.choices")


def columns_of(fields: Fields, fixed: Sequence[str] | None, template: str | None) -> Columns:
    """Return the columns that settings name. Raises ConfigError for a setting that is none, or is missing."""
    check_keys("fields", fields, FIELDS, ("rationale",))
    choices = fields["choices"]
    if (fixed is None) == (choices is None):
        raise ConfigError("set one of task.fields.choices (a column, or a list of columns) and task.choices (fixed)")
    is_list = isinstance(choices, str)
    named = (choices,) if isinstance(choices, str) else tuple(choices or ())
    own = None if fields["id"] is None else _column(fields, "id")
    asked = "" if template is not None and fields["question"] is None else _column(fields, "question")
    question, answer = RowText(asked, template, "task.fields.question"), _column(fields, "answer")
    return Columns(own, question, answer, named, is_list, None if fixed is None else tuple(fixed))


def numbered(rows: Iterable[RowQuestion], seen: Counter[str]) -> list[RowQuestion]:
    """Return rows that have no ids of their own: of those that ask the same, each but the first gets a number.

    Args:
        rows: of one file.
        seen: how often each id was given out before, to which these are added.
    """
    return [replace(row, id=numbered_id(row.id, seen)) for row in rows]


def numbered_id(name: str, seen: Counter[str]) -> str:
    """Return a digest as an id: with a number where it was given out before, as `seen` counts."""
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def check_keys(key: str, given: Mapping[str, object], known: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Raise ConfigError where a mapping of settings has other keys than it should; configs of old runs lack some."""
    for name in given:
        if name not in (*known, *optional):
            has = (*known, *optional)
            raise ConfigError(f"task.{key}.{name} is not a setting{nearest(name, has)}; it has {', '.join(has)}")
    for name in known:
        if name not in given:
            raise ConfigError(f"task.{key}.{name} is missing; set it, or null")


def _column(fields: Fields, name: str) -> str:
    column = fields[name]
    if isinstance(column, str):
        return column
    raise ConfigError(f"task.fields.{name}={column!r} must name one column")


def _digest(question: str, choices: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps([question, *choices]).encode()).hexdigest()[:16]
