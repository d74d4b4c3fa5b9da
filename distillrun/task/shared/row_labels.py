"""The labels of rows: how a user's files write them, one or several for each text."""

from collections.abc import Callable, Sequence
from typing import Any

from distillrun.errors import ConfigError
from distillrun.files.rows import Row
from distillrun.records import reading
from distillrun.task.shared.choice_row import has_column, is_blank, value_in
from distillrun.task.shared.label_list import label_text
from distillrun.task.shared.printed_value import printed_value

KEY = "task.fields.label"
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_SEPARATORS = ";|,"


class RowLabels:
    """The reader of the labels of a row.

    Args:
        column: holds the label or, of texts with several, all of them: a list, a text with a separator, or JSON. A list
            of columns: each is a label, and holds 1 or 0.
        several: texts have any number of labels.
        separator: between the labels in a text; None = none, such a cell is one label or a list.
        names: of the classes that the files' numbers mean, see `class_names`; None = numbers are labels themselves.
        is_label: tells whether a text is a label of the label file; None = there is no such file.
    """

    def __init__(
        self,
        column: str | Sequence[str],
        several: bool,
        separator: str | None,
        names: Sequence[str] | None,
        is_label: Callable[[str], bool] | None,
    ) -> None:
        self._columns = [column] if isinstance(column, str) else list(column)
        self._is_flags = not isinstance(column, str)
        self._several, self._separator, self._names, self._is_label = several, separator, names, is_label

    def given(self, row: Row, needed: bool) -> tuple[Any, ...] | None:
        """Return the labels of a row; None where it gives none, which rows may whose labels are not needed.

        An empty list, and columns that are all 0, are labels that are known: there are none.
        """
        absent = not any(has_column(row, column) for column in self._columns)
        if absent and not needed:
            return None
        if self._is_flags:
            return self._flagged(row)
        value = value_in(row, self._columns[0], KEY)
        if is_blank(value) or (value == -1 and self._names is not None):  # how the Hub writes that a label is missing
            return None
        if not self._several:
            return (self._one(value, row),)
        return tuple(self._one(one, row) for one in self._listed(value, row))

    def _one(self, value: Any, row: Row) -> Any:
        if isinstance(value, (list, tuple, dict)) or _is_written_list(value):
            raise ConfigError(
                f"{row.where}: the label {value!r:.60} is not one label; texts that have several are read by "
                f"task.multi_label=true, and one of several columns is named in {KEY}"
            )
        if self._names is None or isinstance(value, (str, bool)):
            return value
        if value != int(value) or not 0 <= value < len(self._names):
            raise ConfigError(f"{row.where}: the label {value!r} is none of the {len(self._names)} classes of the file")
        return self._names[int(value)]

    def _listed(self, value: Any, row: Row) -> Sequence[Any]:
        """Return the labels that a cell lists."""
        if isinstance(value, (list, tuple)):
            return value
        if not isinstance(value, str):
            return [value]
        text = value.strip()
        if text.startswith(("[", "(", "array(")):
            try:
                found = printed_value(text)
            except ValueError as error:
                if self._separator is None and not (self._is_label and self._is_label(text)):
                    raise ConfigError(
                        f"{row.where}: the labels {text!r:.60} look like a list, but cannot be read as one ({error}); "
                        'write JSON, such as ["red", "blue"]'
                    ) from None
            else:
                return found if isinstance(found, list) else [found]
        if self._separator is not None:
            return [part for part in map(str.strip, text.split(self._separator)) if part]
        if not (self._is_label and self._is_label(text)) and (sign := next((s for s in _SEPARATORS if s in text), "")):
            raise ConfigError(
                f"{row.where}: the labels {text!r:.60} may be several, separated by {sign!r}; set task.label_separator="
                f"'{sign}', or name the labels in a file: task.labels=FILE"
            )
        return [text]

    def _flagged(self, row: Row) -> tuple[str, ...] | None:
        """Return the columns that hold 1; None where all are blank."""
        found, blank = [], 0
        for column in self._columns:
            value = value_in(row, column, KEY)
            said = "" if is_blank(value) else label_text(int(value) if isinstance(value, bool) else value).casefold()
            if said and said not in _YES | _NO:
                raise ConfigError(f"{row.where}: {column} must hold 1 or 0, not {value!r:.60}, see {KEY}")
            blank += not said
            found += [column] if said in _YES else []
        return None if blank == len(self._columns) else tuple(found)


def _is_written_list(value: Any) -> bool:
    """Return whether a cell writes a list, such as ["red", "blue"]."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return False
    try:
        return isinstance(printed_value(value.strip()), list)
    except ValueError:
        return False


def is_out_of_scope(given: Sequence[Any], label: str | None, where: str) -> bool:
    """Return whether a row says that its text has none of the labels. Raises ConfigError where it names one, too."""
    found = [reading(label_text(one)) == reading(label) for one in given] if label is not None else []
    if any(found) and len(found) > 1:
        raise ConfigError(
            f"{where}: the text is {label!r} (task.out_of_scope) and has other labels, too; correct the row"
        )
    return any(found)
