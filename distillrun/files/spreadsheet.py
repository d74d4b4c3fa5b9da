"""Rows of an Excel workbook (.xlsx): what its cells show, of one sheet; no formula is computed and no link followed."""

from collections.abc import Iterator
from itertools import compress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from distillrun.errors import ConfigError, install, nearest
from distillrun.files.utf8_stream import ALWAYS_BYTES, MOST_TIMES


def spreadsheet_rows(path: Path, sheet: str | None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the cells of each row below the first that is not blank, which names the columns.

    Args:
        path: of the workbook.
        sheet: None = the only one that is not empty.

    Raises:
        ConfigError: it is not a workbook, unpacks to too much, has several sheets, or a cell shows an error.
    """
    try:
        import openpyxl
    except ImportError:
        raise ConfigError(f"{path}: .xlsx needs openpyxl; {install('xlsx')}, or save the file as CSV") from None
    _check_size(path)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            yield from _rows(_chosen(book, path, sheet), path)
        finally:
            book.close()
    except ConfigError:
        raise
    except Exception as error:  # XML, zip and openpyxl's own: it says none of them in its documentation
        raise ConfigError(f"{path} cannot be read as an Excel workbook: {error}; save it again, or as CSV") from error


def _check_size(path: Path) -> None:
    try:
        with ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ConfigError(f"{path} cannot be read as an Excel workbook: {error}; save it again, or as CSV") from error
    if size > max(ALWAYS_BYTES, MOST_TIMES * path.stat().st_size):
        raise ConfigError(f"{path} unpacks to more than {MOST_TIMES} times its size; save it as CSV if it is right")


def _chosen(book: Any, path: Path, sheet: str | None) -> Any:
    sheets = {one.title: one for one in book.worksheets}
    for one in sheets.values():
        one.reset_dimensions()  # what a file says of its size may be wrong
    if sheet is not None:
        if sheet not in sheets:
            raise ConfigError(f"{path} has no sheet {sheet!r}{nearest(sheet, sheets)}; it has: {', '.join(sheets)}")
        return sheets[sheet]
    filled = [name for name, one in sheets.items() if any(any(row) for row in one.iter_rows(values_only=True))]
    if len(filled) > 1:
        ways = " or ".join(f"'{path.name}#{name}'" for name in filled)
        raise ConfigError(f"{path} has the sheets {', '.join(filled)}; name the one that is meant: {ways}")
    if not filled:
        raise ConfigError(f"{path} holds no cell that is not blank")
    return sheets[filled[0]]


def _rows(sheet: Any, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    header: list[str] = []
    named: list[bool] = []
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        values = [_value(cell, f"{path}:{number}") for cell in cells]
        if all(value is None for value in values):
            continue
        if not named:
            named = [value is not None for value in values]
            header = [str(value).strip() for value in compress(values, named)]
            if len(set(header)) < len(header):
                raise ConfigError(f"{path}:{number}: the first row must name each column once, not {header}")
            continue
        values += [None] * (len(named) - len(values))
        if any(value is not None for value in values[len(named) :]):
            raise ConfigError(
                f"{path}:{number}: a cell is to the right of the last named column; name its column in the first row"
            )
        yield number, dict(zip(header, compress(values, named), strict=True))


def _value(cell: Any, where: str) -> Any:
    if cell.data_type == "e":
        raise ConfigError(f"{where}: the cell {cell.coordinate} shows the error {cell.value}; fix its formula")
    value = cell.value
    if isinstance(value, str):
        return value if value.strip() else None
    return value if value is None or isinstance(value, int | float | bool) else str(value)
