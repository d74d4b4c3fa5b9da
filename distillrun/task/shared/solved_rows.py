"""The rows that prompts may show as solved: of a file of them, or training rows, with a column of rationales."""

from collections.abc import Collection, Iterable
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.files.rows import Row, read_all
from distillrun.files.split_files import split_files
from distillrun.records import Example, SolvedExample
from distillrun.task.shared.choice_row import is_blank, text_in, value_in


def solved_rows(
    rows: Iterable[tuple[Row, Example]], rationale: str | None, of: Collection[str] | None = None
) -> list[SolvedExample]:
    """Return the rows that have a right answer, each with its rationale where a column holds one.

    Args:
        rows: with the examples that they make.
        rationale: the column; None = there is none.
        of: the ids of the rows that may be shown; None = all.
    """
    return [
        SolvedExample(example, "" if rationale is None else _rationale(row, rationale))
        for row, example in rows
        if example.answer is not None and (of is None or example.id in of)
    ]


def rows_of_file(folder: Path, name: str, encoding: str | None) -> list[Row]:
    """Return the rows of `task.demonstrations`. Raises ConfigError where it is not there."""
    try:
        return list(read_all(split_files(folder, name), encoding))
    except ConfigError as error:
        raise ConfigError(f"task.demonstrations={name}: {error}") from error


def _rationale(row: Row, column: str) -> str:
    value = value_in(row, column, "task.fields.rationale")
    return "" if is_blank(value) else text_in(row, column, "task.fields.rationale")
