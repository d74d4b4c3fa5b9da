"""The examples that the labelled rows of a classification make."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from distillrun.errors import ConfigError, each
from distillrun.files.rows import Row
from distillrun.interfaces import LabelSource
from distillrun.records import Example, Split
from distillrun.task.shared.choice_row import text_in
from distillrun.task.shared.columns import numbered_id
from distillrun.task.shared.labelled_rows import LabelledRow, LabelledRows
from distillrun.task.shared.row_text import RowText

Made = tuple[str, Example, bool]
"""The place of a row, its example, and whether it has none of the labels."""


@dataclass(frozen=True)
class LabelledExamples:
    """The examples of labelled rows, each with the labels as its choices.

    Attributes:
        labelled: the rows, and which labels there are.
        text: the text of a row.
        id: the column of the ids; None = a digest of the text.
        label_source: of the training rows: unless it is gold, they may be without a label.
    """

    labelled: LabelledRows
    text: RowText
    id: str | None
    label_source: LabelSource

    @cached_property
    def splits(self) -> dict[Split, list[Made]]:
        """The examples of each split that has files."""
        return {split: list(self.of(rows, split)) for split, rows in self.labelled.rows.items()}

    def of(self, rows: Iterable[LabelledRow], split: Split) -> Iterator[Made]:
        """Yield the examples that rows make, as those of a split. Raises ConfigError with the faults of all."""
        seen: Counter[str] = Counter()

        def made(one: LabelledRow) -> Made:
            text = self.text.of(one.row)
            name = text_in(one.row, self.id, "task.fields.id") if self.id is not None else _digest(split, text)
            empty = Example(name, text, self.labelled.labels.names, None)
            return one.row.where, empty if one.apart else self._answered(empty, one, split), one.apart

        for where, example, apart in each(rows, made):
            numbered = example if self.id is not None else replace(example, id=numbered_id(example.id, seen))
            yield where, numbered, apart

    def unanswered(self, where: str, values: Mapping[str, Any]) -> Example:
        """Return the example of a row whose label nobody knows, with its place as its id."""
        return Example(where, self.text.of(Row(where, dict(values))), self.labelled.labels.names, None)

    def _answered(self, example: Example, one: LabelledRow, split: Split) -> Example:
        """Return an example with what its row gives. Raises ConfigError where that is not known, or nothing."""
        if self.labelled.several:
            waits = one.given is None and split == "train" and self.label_source != "gold"
            return replace(example, answers=None if waits else tuple(sorted({*self.labelled.places(one)})))
        if one.given is None and split != "train":
            raise ConfigError(f"{one.row.where}: the row has no label, and {split} is scored by labels; add it")
        return replace(example, answer=next(iter(self.labelled.places(one)), None))


def _digest(split: Split, text: str) -> str:
    """Return an id for a text, a digest of it; texts that a split has twice are numbered."""
    return f"{split}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
