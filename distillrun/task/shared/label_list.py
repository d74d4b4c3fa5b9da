"""The labels of a classification task: from a file with names and descriptions, or those that training rows have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import Row, read_rows
from distillrun.files.utf8_stream import open_utf8
from distillrun.records import reading
from distillrun.task.shared.choice_row import text_in

MOST_BYTES = 16 * 2**20
"""Of a label file that holds a label on each line."""

LabelForm = Literal["text", "index", "number"]
"""How rows write their label: its text, or its place in the label file, counted from 0 (index) or from 1 (number)."""

_FIRST: Mapping[LabelForm, int] = {"index": 0, "number": 1}


@dataclass(frozen=True)
class LabelList:
    """The labels in their order, each with what it means; a description may be empty.

    Attributes:
        names: two or more, of which no two read alike.
        descriptions: one for each.
        where: where they come from, for messages.
        left_out: the place in the file of a label that is none of them; None = all are here.
    """

    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    where: str
    left_out: int | None = None

    def __post_init__(self) -> None:
        if len(self.names) < 2:
            raise ConfigError(f"{self.where}: {len(self.names)} label is too few; list two labels or more")
        seen: dict[str, str] = {}
        for name in self.names:
            if (before := seen.setdefault(reading(name), name)) is not name:
                raise ConfigError(
                    f"{self.where}: the labels {before!r} and {name!r} differ only in case or spacing; write one "
                    f"label in one way, or list the labels: task.labels=[{before}, ...]"
                )

    @cached_property
    def _places(self) -> dict[str, int]:
        return {reading(name): place for place, name in enumerate(self.names)}

    def without(self, name: str | None) -> "LabelList":
        """Return the labels without one, whose places in the file stay what they are."""
        if name is None or not self.is_label(name):
            return self
        apart = self._places[reading(name)]
        kept = [place for place in range(len(self.names)) if place != apart]
        names, told = (tuple(column[place] for place in kept) for column in (self.names, self.descriptions))
        return LabelList(names, told, self.where, apart)

    def is_label(self, text: str) -> bool:
        """Return whether a text is the name of a label."""
        return reading(text) in self._places

    def place(self, given: Any, form: LabelForm, where: str) -> int:
        """Return which label a row gives. Raises ConfigError where it gives none of them."""
        text = label_text(given)
        if form != "text":
            return self._counted(text, form, where)
        if (found := self._places.get(reading(text))) is not None:
            return found
        hint = nearest(text, self.names)
        if not hint and _whole(text) is not None:
            hint = "; task.label_form=index (or number) reads it as a place in the label file, from 0 (or from 1)"
        shown = ", ".join(self.names[:5]) + (", ..." if len(self.names) > 5 else "")
        raise ConfigError(
            f"{where}: the label {text!r:.60} is not among the {len(self.names)} labels of {self.where} ({shown}){hint}"
            "; add it there, or correct the row"
        )

    def _counted(self, text: str, form: LabelForm, where: str) -> int:
        first, number = _FIRST[form], _whole(text)
        count = len(self.names) + (self.left_out is not None)
        if number is not None and 0 <= number - first < count:
            place = number - first
            return place - (self.left_out is not None and place > self.left_out)
        other = ""
        if number in (0, count):
            counted = "from 1: task.label_form=number" if form == "index" else "from 0: task.label_form=index"
            other = f"; where numbers count {counted}"
        raise ConfigError(
            f"{where}: the label {text!r:.60} is not a number from {first} to {first + count - 1} "
            f"(task.label_form={form}){other}"
        )


def read_labels(path: Path, encoding: str | None) -> LabelList:
    """Return the labels of a file with a column `name` and, where it has one, `description`; of .txt, each line's, or
    those that the only line lists with commas.
    """
    if path.suffix.lower() == ".txt":
        with open_utf8(path, encoding) as file:
            lines = _lines(file.read(MOST_BYTES), path)
        if len(lines) == 1:
            lines = tuple(name.strip() for name in lines[0].split(",") if name.strip())
        return LabelList(lines, ("",) * len(lines), f"task.labels={path}")
    rows = list(read_rows(path, encoding))
    names = tuple(text_in(row, "name", "task.labels").strip() for row in rows)
    return LabelList(names, tuple(_description(row) for row in rows), f"task.labels={path}")


def labels_in(given: Iterable[Any], where: str, left_out: str | None = None) -> LabelList:
    """Return the labels that rows give, sorted, but for one. Raises ConfigError where they give none, or one alone."""
    names: Sequence[str] = sorted({label_text(label) for label in given})
    names = [name for name in names if left_out is None or reading(name) != reading(left_out)]
    if not names:
        raise ConfigError(
            f"{where} gives no row a label, so the labels are not known; set task.labels to a file of them (a column "
            "name, and description where labels need one)"
        )
    return LabelList(tuple(names), ("",) * len(names), where)


def label_text(given: Any) -> str:
    """Return the text of a label: 1.0 is the label 1, since tables make such numbers of whole ones."""
    return str(int(given) if isinstance(given, float) and given.is_integer() else given).strip()


def _lines(content: bytes, path: Path) -> tuple[str, ...]:
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 ({error}); save it as UTF-8, or set task.encoding") from error
    return tuple(line.strip() for line in lines if line.strip())


def _whole(text: str) -> int | None:
    """Return the number that a text of digits is; None = it is none."""
    digits = text.removesuffix(".0")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def _description(row: Row) -> str:
    value = row.values.get("description")
    return "" if value is None else str(value).strip()
