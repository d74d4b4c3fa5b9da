"""The text of a row: one column, or a template over any of them."""

from collections.abc import Sequence
from string import Formatter

from distillrun.errors import ConfigError
from distillrun.files.rows import Row
from distillrun.task.shared.choice_row import is_blank, text_in, value_in


class RowText:
    """The text that a row asks about.

    Args:
        column: the column that holds it, where there is no template.
        template: such as "{premise}\\n{hypothesis}": names of columns in braces, literal braces twice. What stands in a
            cell is copied and never read as a template. A backslash and an n, as a command line hands them on, are a
            new line. None = the column.
        key: the setting that names the column, for messages.

    Raises:
        ConfigError: the template is malformed or names no column.
    """

    def __init__(self, column: str, template: str | None, key: str) -> None:
        self._column, self._key = column, key
        self._parts = None if template is None else _parts(template.replace("\\n", "\n"))

    @property
    def columns(self) -> Sequence[str]:
        """The columns that are read."""
        return [self._column] if self._parts is None else [name for _, name in self._parts if name is not None]

    def of(self, row: Row) -> str:
        """Return the text of a row. Raises ConfigError where a column is not there, or none of them holds a text."""
        if self._parts is None:
            return text_in(row, self._column, self._key)
        written = [(literal, "" if name is None else _cell(row, name)) for literal, name in self._parts]
        if not any(cell.strip() for _, cell in written):
            raise ConfigError(f"{row.where}: {' and '.join(self.columns)} are blank, see task.template")
        return "".join(literal + cell for literal, cell in written)


def _parts(template: str) -> list[tuple[str, str | None]]:
    """Return each literal text of a template with the column that follows it."""
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(f"task.template={template!r} is malformed: {error}; write a literal brace twice") from None
    for _, name, form, conversion in pieces:
        if name == "" or form or conversion:
            raise ConfigError(
                f"task.template={template!r}: write {{COLUMN}} with the name of a column and nothing else in the braces"
            )
    if not any(name for _, name, _, _ in pieces):
        raise ConfigError(f"task.template={template!r} names no column; write one in braces, such as {{question}}")
    return [(literal, name) for literal, name, _, _ in pieces]


def _cell(row: Row, column: str) -> str:
    value = value_in(row, column, "task.template")
    return "" if is_blank(value) else text_in(row, column, "task.template")
