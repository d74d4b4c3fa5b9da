"""The reference answers of a user's rows, and the rationales that may stand next to them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from distillrun.errors import ConfigError
from distillrun.files.rows import Row
from distillrun.task.shared.choice_row import has_column, is_blank, value_in
from distillrun.text.linear_pattern import linear_pattern


class References:
    """The columns of reference and rationale.

    Args:
        fields: of which reference and rationale are read.
        marker: what the reference follows in its column, such as "####" in GSM8K's; where fields.rationale is the same
            column, the rationale is what stands before it. None = the column is the reference.
        separator: stands between accepted answers in one cell, such as "|"; None = a cell holds one, or a list.
        names: what the places 0, 1, ... in the column stand for; None = it holds the answers themselves.
        without: a regular expression (RE2) of what is taken out of rationales; None = nothing.

    Raises:
        ConfigError: the reference's column is not named, or `without` is no regular expression.
    """

    def __init__(
        self,
        fields: Mapping[str, str | None],
        marker: str | None,
        separator: str | None,
        names: Sequence[str] | None,
        without: str | None,
    ) -> None:
        if fields["reference"] is None:
            raise ConfigError("task.fields.reference is not set; name the column that holds the right answer")
        if marker == "" or separator == "":
            raise ConfigError("task.reference_marker and task.reference_separator must not be empty; null = none")
        self._column, self._rationale = fields["reference"], fields["rationale"]
        self._marker, self._separator = marker, separator
        self._names = None if names is None else tuple(names)
        self._without = None if without is None else linear_pattern(without, "task.rationale_without")

    def accepted(self, row: Row, may_be_missing: bool) -> tuple[str, ...]:
        """Return the accepted answers of a row, the one that is taught first; empty where it has none.

        Raises:
            ConfigError: the column is not there, or holds no text.
        """
        if may_be_missing and not has_column(row, self._column):
            return ()
        value = value_in(row, self._column, "task.fields.reference")
        values = value if isinstance(value, list | tuple) else [value]
        if isinstance(value, str) and self._separator is not None:
            values = value.split(self._separator)
        texts = [self._text(one, row) for one in values if not is_blank(one)]
        return tuple(dict.fromkeys(texts))

    def rationale(self, row: Row) -> str:
        """Return the rationale of a row in one line; empty where it has none."""
        if self._rationale is None or not has_column(row, self._rationale):
            return ""
        value = value_in(row, self._rationale, "task.fields.rationale")
        if is_blank(value):
            return ""
        if not isinstance(value, str):
            raise ConfigError(f"{row.where}: {self._rationale} must hold a text, not {value!r:.60}")
        if self._rationale == self._column and self._marker is not None:
            value = value.rpartition(self._marker)[0]
        return " ".join((value if self._without is None else self._without.sub("", value)).split())

    def _text(self, value: Any, row: Row) -> str:
        if isinstance(value, Mapping):
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ConfigError(
                f"{row.where}: {self._column} must hold a text, a number, a JSON object or a list of these, not "
                f"{value!r:.60}"
            )
        if self._names is not None:
            return self._named(value, row)
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        if self._marker is not None:
            _, marker, text = text.rpartition(self._marker)
            if not marker or not text.strip():
                raise ConfigError(
                    f"{row.where}: {self._column} holds no answer after {self._marker!r}, see task.reference_marker: "
                    f"{text!r:.80}"
                )
        return text.strip()

    def _named(self, value: Any, row: Row) -> str:
        """Return the name at a place."""
        names = self._names or ()
        told = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
        if not told.isdecimal() or int(told) >= len(names):
            raise ConfigError(
                f"{row.where}: {self._column} holds {value!r:.60}, and task.reference_names={list(names)} has the "
                f"places 0 to {len(names) - 1}; take the row out, or name the answers in the file"
            )
        return names[int(told)]
