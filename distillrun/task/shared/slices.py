"""The parts of the test that are scored apart: rows that have equal values in a column."""

from collections.abc import Iterable, Sequence

from distillrun.errors import ConfigError
from distillrun.files.rows import Row
from distillrun.task.shared.choice_row import is_blank, value_in

MOST_VALUES = 50
"""Of a column; more are no slices but texts."""


def slices_in(rows: Iterable[Row], ids: Iterable[str], columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the slices of each row by its id, such as `topic=physics`.

    Raises:
        ConfigError: a column is not there, or has too many values to be scored by.
    """
    found: dict[str, tuple[str, ...]] = {}
    for row, name in zip(rows, ids, strict=True):
        values = {column: value_in(row, column, "task.slices") for column in columns}
        found[name] = tuple(f"{column}={_shown(value)}" for column, value in values.items())
    for place, column in enumerate(columns):
        count = len({own[place] for own in found.values()})
        if count > MOST_VALUES:
            raise ConfigError(
                f"task.slices names {column}, which has {count} values; up to {MOST_VALUES} are scored apart"
            )
    return found


def _shown(value: object) -> str:
    return "(blank)" if is_blank(value) else " ".join(str(value).split())
