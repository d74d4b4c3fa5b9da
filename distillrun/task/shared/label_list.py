"""The labels of a classification task: from a file with names and descriptions, or those that training rows have."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import Row, read_rows
from distillrun.records import reading
from distillrun.task.shared.choice_row import text_in

LabelForm = Literal["text", "index"]
"""How rows write their label: its text, or its number in the label file, counted from 0."""


@dataclass(frozen=True)
class LabelList:
    """The labels in their order, each with what it means; a description may be empty.

    Attributes:
        names: two or more, of which no two read alike.
        descriptions: one for each.
        where: where they come from, for messages.
    """

    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    where: str

    def __post_init__(self) -> None:
        if len(self.names) < 2:
            raise ConfigError(f"{self.where}: {len(self.names)} label is too few; a task has two labels or more")
        seen: dict[str, str] = {}
        for name in self.names:
            if (before := seen.setdefault(reading(name), name)) is not name:
                raise ConfigError(
                    f"{self.where}: the labels {before!r} and {name!r} read alike; write one label in one way"
                )

    @cached_property
    def _places(self) -> dict[str, int]:
        return {reading(name): place for place, name in enumerate(self.names)}

    def place(self, given: Any, form: LabelForm, where: str) -> int:
        """Return which label a row gives. Raises ConfigError where it gives none of them."""
        text = str(given).strip()
        if form == "index":
            number = int(text.removesuffix(".0")) if text.removesuffix(".0").isdecimal() else len(self.names)
            if number < len(self.names):
                return number
            raise ConfigError(
                f"{where}: the label {given!r} is not a number from 0 to {len(self.names) - 1}, see task.label_form"
            )
        if (found := self._places.get(reading(text))) is not None:
            return found
        hint = nearest(text, self.names)
        if not hint and text.removesuffix(".0").isdecimal():
            hint = "; task.label_form=index reads it as a number in the label file, counted from 0"
        shown = ", ".join(self.names[:5]) + (", ..." if len(self.names) > 5 else "")
        raise ConfigError(f"{where}: the label {text!r:.60} is not among the {len(self.names)} labels ({shown}){hint}")


def read_labels(path: Path, encoding: str | None) -> LabelList:
    """Return the labels of a file with a column `name` and, where it has one, `description`."""
    rows = list(read_rows(path, encoding))
    names = tuple(text_in(row, "name", "task.labels").strip() for row in rows)
    return LabelList(names, tuple(_description(row) for row in rows), f"task.labels={path}")


def labels_in(given: Iterable[Any], where: str) -> LabelList:
    """Return the labels that rows give, sorted. Raises ConfigError where they give none, or one alone."""
    names: Sequence[str] = sorted({str(label).strip() for label in given})
    if not names:
        raise ConfigError(
            f"{where} gives no row a label, so the labels are not known; set task.labels to a file of them (a column "
            "name, and description where labels need one)"
        )
    return LabelList(tuple(names), ("",) * len(names), where)


def _description(row: Row) -> str:
    value = row.values.get("description")
    return "" if value is None else str(value).strip()
