"""Multiple choice from a user's own files: question, two or more choices, answer, in columns of any name."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from distillrun.errors import ConfigError, nearest
from distillrun.records import Example, Json, Split
from distillrun.rows import Row, digest_of, read_rows
from distillrun.task.answer_form import FORMS, AnswerForm, Given, answer_index, form_of
from distillrun.task.choice_row import choices_in, text_in, value_in
from distillrun.task.multiple_choice_text import MultipleChoiceText
from distillrun.task.split import SPLITS, Duplicates, Splits, check_split_settings, counted, load_splits

_FIELDS = ("id", "question", "choices", "answer")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A row before it is known how answers are written."""

    id: str
    question: str
    given: Given


class MultipleChoice(MultipleChoiceText):
    """Reads any file or folder that `distillrun.rows` reads.

    Args:
        folder: where the files are.
        files: of train, dev and test, relative to the folder; dev None = a seeded share of train.
        fields: columns of id, question, choices and answer. id None = a digest of question and choices. choices is a
            column that holds a list, or a list of columns, or None where `choices` is given.
        choices: the choices of every question, such as yes and no.
        answer_form: how the answer is written: text, letter, index (from 0), number (from 1), boolean; auto finds the
            one that fits all rows of all files, says which it is, and refuses what could mean two choices.
        question_template, choice_template, choice_separator, answer_template: see `MultipleChoiceText`.
        dev_share, split_seed: dev is this share of train, drawn by this seed.
        limit: keep only the first examples of each split; None = all.
        duplicates: what becomes of questions that stand again: keep, drop or refuse, see `Duplicates`.
    """

    def __init__(
        self,
        folder: str | None,
        files: Mapping[str, str | None],
        fields: Mapping[str, str | Sequence[str] | None],
        choices: Sequence[str] | None,
        answer_form: AnswerForm,
        question_template: str,
        choice_template: str,
        choice_separator: str,
        answer_template: str,
        dev_share: float,
        split_seed: int,
        limit: int | None,
        duplicates: Duplicates,
    ) -> None:
        super().__init__(question_template, choice_template, choice_separator, answer_template)
        check_split_settings(dev_share, limit)
        _check_keys("files", files, SPLITS)
        _check_keys("fields", fields, _FIELDS)
        if (choices is None) == (fields["choices"] is None):
            raise ConfigError(
                "set one of task.fields.choices (a column, or a list of columns) and task.choices (fixed)"
            )
        self._folder = Path(folder) if folder is not None else None
        self._files, self._choices, self._answer_form = files, choices, answer_form
        self._columns = fields["choices"]
        self._id, self._question_column, self._answer_column = (
            _column(fields, name) for name in ("id", "question", "answer")
        )
        self._dev_share, self._split_seed, self._limit = dev_share, split_seed, limit
        self._duplicates: Duplicates = duplicates

    def check(self) -> list[str]:
        try:
            _ = self._loaded
        except ConfigError as error:
            return [str(error)]
        return []

    def examples(self, split: Split) -> list[Example]:
        return list(self._loaded.examples[split])

    def source(self) -> Mapping[str, Json]:
        files: dict[str, Json] = {str(path): digest_of(path) for path in self._paths.values() if path is not None}
        return {"files": files, "answers": self._answers, "unused columns": self._unused, **self._counts}

    @cached_property
    def _loaded(self) -> Splits:
        placed = {
            split: None if rows is None else [(one.given.where, self._example(one)) for one in rows]
            for split, rows in self._asked.items()
        }
        return load_splits(placed, self._dev_share, self._split_seed, self._limit, self._duplicates)

    @cached_property
    def _asked(self) -> dict[Split, list[Asked] | None]:
        """The rows of each split; of equal ones without an id, each but the first is numbered."""
        seen: Counter[str] = Counter()
        asked: dict[Split, list[Asked] | None] = {}
        for split, path in self._paths.items():
            rows = None if path is None else list(map(self._row, read_rows(path)))
            for place, one in enumerate(rows or ()):
                if rows is not None and self._id is None:
                    seen[one.id] += 1
                    rows[place] = replace(one, id=f"{one.id}-{seen[one.id]}") if seen[one.id] > 1 else one
            asked[split] = rows
        return asked

    @cached_property
    def _form(self) -> AnswerForm:
        """The form of the answers, decided for all files together."""
        if self._answer_form != "auto":
            return self._answer_form
        return form_of([one.given for rows in self._asked.values() for one in rows or ()])

    @cached_property
    def _answers(self) -> str:
        """How the answers are read, in words, with an example to check it by."""
        first = next(one.given for rows in self._asked.values() for one in rows or ())
        meant = first.choices[answer_index(first, self._form)]
        told = f"{FORMS[self._form]} (task.answer_form={self._form}), such as {first.answer!r} for {meant!r}"
        _log.info("task=multiple_choice: answers are read as %s", told)
        return told

    @cached_property
    def _unused(self) -> str:
        """The columns of train that nothing reads, such as a passage that questions are about."""
        path = self._paths["train"]
        columns = next(read_rows(path)).values if path is not None else {}
        read = {self._id, self._question_column, self._answer_column, *self._choice_columns}
        unused = ", ".join(str(column) for column in columns if column not in read)
        if unused:
            _log.info("task=multiple_choice: columns that are not read: %s", unused)
        return unused

    @cached_property
    def _counts(self) -> dict[str, Json]:
        return counted(self._loaded, "multiple_choice")

    @property
    def _paths(self) -> dict[Split, Path | None]:
        if self._folder is None:
            raise ConfigError("task.folder is not set; set it to the folder that holds task.files")
        if not self._folder.is_dir():
            raise ConfigError(f"task.folder={self._folder} is no folder; task.files are looked for in it")
        return {split: self._path(self._folder, split) for split in SPLITS}

    def _path(self, folder: Path, split: Split) -> Path | None:
        name = self._files[split]
        if name is None and split == "dev":
            return None
        if name is None:
            raise ConfigError(f"task.files.{split} is not set; only dev can be cut from train")
        if not (folder / name).exists():
            held = sorted(path.name for path in folder.iterdir())
            shown = ", ".join(held[:8]) or "nothing"
            hint = nearest(name, held)
            raise ConfigError(f"task.files.{split}={name} is not in task.folder={folder}{hint}; it holds: {shown}")
        return folder / name

    def _row(self, row: Row) -> Asked:
        question = text_in(row, self._question_column or "", "task.fields.question")
        choices, labels = choices_in(self._choices_of(row), row, "choices")
        answer = value_in(row, self._answer_column or "", "task.fields.answer")
        name = text_in(row, self._id, "task.fields.id") if self._id is not None else _digest(question, choices)
        return Asked(name, question, Given(row.where, answer, choices, labels))

    def _example(self, one: Asked) -> Example:
        return Example(one.id, one.question, one.given.choices, answer_index(one.given, self._form))

    def _choices_of(self, row: Row) -> Json:
        if self._choices is not None:
            return list(self._choices)
        if isinstance(self._columns, str):
            listed: Json = value_in(row, self._columns, "task.fields.choices")
            return listed
        return [text_in(row, column, "task.fields.choices") for column in self._choice_columns]

    @property
    def _choice_columns(self) -> Sequence[str]:
        """The columns that hold choices, be it one with a list of them."""
        return [self._columns] if isinstance(self._columns, str) else self._columns or ()


def _check_keys(key: str, given: Mapping[str, object], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise ConfigError(f"task.{key}.{name} is not a setting{nearest(name, known)}; it has {', '.join(known)}")
    for name in known:
        if name not in given:
            raise ConfigError(f"task.{key}.{name} is missing; set it, or null")


def _column(fields: Mapping[str, str | Sequence[str] | None], name: str) -> str | None:
    column = fields[name]
    if isinstance(column, str) or (column is None and name == "id"):
        return column
    raise ConfigError(f"task.fields.{name}={column!r} must name one column")


def _digest(question: str, choices: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps([question, *choices]).encode()).hexdigest()[:16]
