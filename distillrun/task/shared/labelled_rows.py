"""The rows of a classification with their labels: which labels there are, and which of them each row gives."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError, each
from distillrun.files.class_names import class_names
from distillrun.files.rows import Row
from distillrun.files.split_files import split_files
from distillrun.records import Split
from distillrun.task.shared.file_splits import FileSplits
from distillrun.task.shared.label_list import LabelForm, LabelList, labels_in, read_labels
from distillrun.task.shared.labels_told import labels_told
from distillrun.task.shared.row_labels import KEY, RowLabels, is_out_of_scope
from distillrun.task.shared.task_files import TaskFiles


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A row with the labels that it gives, None where it gives none; `apart`: it says that none of all is right."""

    row: Row
    given: tuple[Any, ...] | None
    apart: bool


@dataclass(frozen=True)
class LabelledRows:
    """The labels that a user's files give, row by row.

    Attributes:
        files, splits: where the rows are.
        column: of the label, or columns of 1 and 0, see `RowLabels`.
        listed: the file of all labels, relative to the folder, or a list of them; None = those of the training rows.
        form: how rows write a label.
        encoding: of text files.
        several: a text has any number of labels.
        separator: between them in a cell.
        out_of_scope: the label of rows that have none.

    Raises:
        ConfigError: settings contradict each other.
    """

    files: TaskFiles
    splits: FileSplits
    column: str | Sequence[str]
    listed: str | Sequence[str] | None
    form: LabelForm
    encoding: str | None
    several: bool
    separator: str | None
    out_of_scope: str | None

    def __post_init__(self) -> None:
        if self.form != "text" and self.listed is None:
            raise ConfigError(f"task.label_form={self.form} counts labels; set task.labels to their file, or list")
        if not self.several and (not isinstance(self.column, str) or self.separator is not None):
            parts = f"task.label_separator={self.separator!r} separates several labels"
            given = f"{KEY} names several columns" if self.separator is None else parts
            raise ConfigError(f"{given}, and task.multi_label=false gives each text one; set task.multi_label=true")

    @cached_property
    def rows(self) -> dict[Split, list[LabelledRow]]:
        """The rows of each split that has files."""
        return {split: self.read(rows or (), split) for split, rows in self.splits.rows.items()}

    def read(self, rows: Iterable[Row], split: Split) -> list[LabelledRow]:
        """Return rows with their labels, as those of a split. Raises ConfigError with the faults of all."""

        def labelled(row: Row) -> LabelledRow:
            given = self._reader.given(row, split != "train")
            return LabelledRow(row, given, self._is_apart(row, given))

        return each(rows, labelled)

    @cached_property
    def _reader(self) -> RowLabels:
        is_label = None if self._known is None else self._known.is_label
        return RowLabels(self.column, self.several, self.separator, self._class_names, is_label)

    @cached_property
    def labels(self) -> LabelList:
        """The labels, without the one of rows that have none."""
        if self._known is not None:
            return self._known.without(self.out_of_scope)
        if not isinstance(self.column, str) or self._class_names is not None:
            names = tuple(self._class_names or self.column)
            return LabelList(names, ("",) * len(names), KEY).without(self.out_of_scope)
        given = (label for one in self.rows["train"] for label in one.given or ())
        return labels_in(given, "task.files.train", self.out_of_scope)

    @cached_property
    def path(self) -> Path | None:
        """The file of the labels; None = they are listed, or those of the training rows."""
        if not isinstance(self.listed, str):
            return None
        try:
            found = split_files(self.files.folder, self.listed)
        except ConfigError as error:
            raise ConfigError(f"task.labels={self.listed}: {error}") from error
        if len(found) > 1:
            raise ConfigError(f"task.labels={self.listed} is {len(found)} files; name one")
        return found[0]

    def places(self, one: LabelledRow) -> tuple[int, ...]:
        """Return the labels of a row by their places. Raises ConfigError where one of them is not known."""
        return tuple(self.labels.place(label, self.form, one.row.where) for label in one.given or ())

    def told(self, answers: Collection[int | None]) -> str:
        """Return, and log, a sentence on how labels are read, with an example to check it by.

        Args:
            answers: the labels that rows have, None among them where rows have none.
        """
        first = next(one for split in ("test", "train") for one in self.rows[split] if one.given and not one.apart)
        return labels_told(self.labels, self.form, (first.given or ())[0], first.row.where, answers)

    @cached_property
    def _known(self) -> LabelList | None:
        """The labels that are known before any row is read; None = those of the training rows."""
        if self.path is not None:
            return read_labels(self.path, self.encoding)
        listed = None if self.listed is None else tuple(self.listed)
        return None if listed is None else LabelList(listed, ("",) * len(listed), "task.labels")

    @cached_property
    def _class_names(self) -> tuple[str, ...] | None:
        """The names of the classes whose numbers the files hold; None where they hold no such numbers."""
        if self.form != "text" or not isinstance(self.column, str):
            return None
        splits: tuple[Split, ...] = ("train", "test")
        found = {class_names(path, self.column) for split in splits for path in self.files.paths[split] or ()}
        if len(found) > 1:
            raise ConfigError(f"the files of task.files name the classes of {self.column} differently: {found}")
        return found.pop() if found else None

    def _is_apart(self, row: Row, given: Sequence[Any] | None) -> bool:
        if self.out_of_scope is None or given is None:
            return False
        if self.form != "text" and self._known is not None:
            given = [self._known.names[self._known.place(label, self.form, row.where)] for label in given]
        return is_out_of_scope(given, self.out_of_scope, row.where)
