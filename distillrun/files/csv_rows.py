"""CSV files as spreadsheets and programs save them: with commas, semicolons, tabs or |, in any declared encoding."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Literal

from distillrun.errors import ConfigError, listed
from distillrun.files.utf8_stream import open_utf8

MOST_CELL_CHARACTERS = 16 * 2**20
SEPARATORS = ",;\t|"
TAB = "\t"

_SAID = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The line by which a file tells Excel its separator."""


_QUOTES = "a double quote may open a cell that none ends; write a quote in a quoted cell twice"

_TITLE = (
    "the first line must name the columns, and names one alone, {0!r:.60}, while other lines have several cells; "
    "remove a title or comment that stands above the columns"
)

Quoting = Literal[0, 3]
"""csv.QUOTE_MINIMAL, csv.QUOTE_NONE."""


def csv_rows(path: Path, encoding: str | None, separator: str | None = None) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the cells of each row of a CSV file, by the columns that its first line names.

    Rows of several cells that are all blank are left out, as spreadsheets save them below a table.

    A file of tabs in which quotes do not part cells as they should is read without them, as programs that never quote
    write it.

    Args:
        path: of the file.
        encoding: of the file, see `open_utf8`.
        separator: None = the comma, or else the sign that makes several columns of the first line.

    Raises:
        ConfigError: naming the line that is malformed; or, after the other rows, those that have too many or too few
            cells.
    """
    if separator == TAB:
        try:
            for _ in _rows(path, encoding, TAB, csv.QUOTE_MINIMAL):
                pass
        except ConfigError:
            yield from _rows(path, encoding, TAB, csv.QUOTE_NONE)
            return
    yield from _rows(path, encoding, separator, csv.QUOTE_MINIMAL)


def _rows(
    path: Path, encoding: str | None, given: str | None, quoting: Quoting
) -> Iterator[tuple[int, dict[str, str]]]:
    with TextIOWrapper(open_utf8(path, encoding), encoding="utf-8-sig", newline="") as file:
        try:
            first = file.readline()
            said = _SAID.fullmatch(first)
            before = 1 if said else 0
            first = file.readline() if said else first
            if "\0" in first:
                encoded = "utf-16-be" if first.startswith("\0") else "utf-16-le"
                raise ConfigError(
                    f"{path}: looks like UTF-16 without a byte-order mark; save the file as UTF-8, or set "
                    f"task.encoding={encoded}"
                )
            separator = given or (said[1] if said else _separator(first))
            lines = _without_nul(chain([first] if first else [], file), path)
            csv.field_size_limit(MOST_CELL_CHARACTERS)
            reader = csv.reader(lines, delimiter=separator, strict=True, quoting=quoting)
        except UnicodeError as error:
            raise _undecodable(path) from error
        try:
            header = next(reader, [])
            _check_header(header, f"{path}:{before + 1}")
            faults: list[str] = []
            widths: Counter[int] = Counter()
            is_title = len(header) > 1 and bool(header[0].strip()) and not any(map(str.strip, header[1:]))
            for cells in reader:
                line = before + reader.line_num
                widths[len(cells)] += 1
                if is_title and sum(map(bool, map(str.strip, cells))) > 1:
                    raise ConfigError(f"{path}:{before + 1}: {_TITLE.format(header[0])}")
                if not cells or (len(cells) > 1 and not any(map(str.strip, cells))):
                    continue
                if len(cells) == len(header):
                    yield line, dict(zip(header, cells, strict=True))
                else:
                    faults.append(
                        f"{path}:{line}: {len(cells)} cells, but {len(header)} columns; give every row a "
                        f"cell for each column, and put cells that hold {separator!r} in double quotes"
                    )
            if len(faults) > 1 and len(header) == 1 and len(widths) == 1:
                raise ConfigError(f"{path}:{before + 1}: {_TITLE.format(header[0])}")
            if faults:
                raise ConfigError(listed(faults))
        except csv.Error as error:
            raise ConfigError(f"{path}:{before + reader.line_num}: malformed CSV: {error}; {_QUOTES}") from error
        except UnicodeError as error:  # raised for a whole block of lines
            raise _undecodable(path) from error


def _without_nul(lines: Iterable[str], path: Path) -> Iterator[str]:
    """Yield lines. Raises ConfigError at one that holds a NUL, which no text does."""
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise ConfigError(
                f"{path}:{number}: holds a NUL byte; the file is damaged, or no text: save it as CSV again"
            )
        yield line


def _check_header(header: Sequence[str], where: str) -> None:
    """Raise ConfigError where a first line names no column, or one twice; columns without a name may be several."""
    names = Counter(name for name in header if name.strip())
    if not names:
        raise ConfigError(f"{where}: the file is empty, or its first line is; the first line must name the columns")
    name, times = names.most_common(1)[0]
    if times > 1:
        raise ConfigError(f"{where}: {times} columns are called {name!r}; the first line must name each column once")


def _separator(first: str) -> str:
    """Return the comma, or else the sign that makes several columns of the first line."""
    found = {sign: len(next(csv.reader([first], delimiter=sign), [])) for sign in SEPARATORS}
    return "," if found[","] > 1 else max(found, key=found.__getitem__)


def _undecodable(path: Path) -> ConfigError:
    """Return the complaint about a file that is in another encoding, with the first line that is."""
    cure = "save the file as UTF-8, or set task.encoding to what it is, such as cp1252 (Windows) or latin-1"
    with open_utf8(path, None) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return ConfigError(f"{path}:{number}: not UTF-8; {cure}")
    return ConfigError(f"{path}: not UTF-8; {cure}")
