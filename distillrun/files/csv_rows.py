"""CSV files as spreadsheets and programs save them: with commas, semicolons, tabs or |, in UTF-8 or UTF-16."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

from distillrun.errors import ConfigError

SEPARATORS = ",;\t|"


def csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the cells of each row of a CSV file, by the columns that its first line names.

    The separator is the comma, or else the sign that makes several columns of the first line.

    Raises:
        ConfigError: naming the line that is malformed or has too many or too few cells.
    """
    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        try:
            first = file.readline()
            file.seek(0)
            if "\0" in first:
                raise ConfigError(f"{path}: looks like UTF-16 without a byte-order mark; save the file as UTF-8")
            separator = _separator(first)
            reader = csv.reader(file, delimiter=separator, strict=True)
        except UnicodeError as error:
            raise _undecodable(path, encoding) from error
        try:
            header = next(reader, [])
            if not header or len(set(header)) < len(header):
                raise ConfigError(f"{path}:1: the first line must name each column once, not {','.join(header)[:80]!r}")
            for cells in reader:
                if len(cells) == len(header):
                    yield reader.line_num, dict(zip(header, cells, strict=True))
                elif cells:
                    raise ConfigError(
                        f"{path}:{reader.line_num}: {len(cells)} cells, but {len(header)} columns; give every row a "
                        f"cell for each column, and put cells that hold {separator!r} in double quotes"
                    )
        except csv.Error as error:
            raise ConfigError(f"{path}:{reader.line_num}: malformed CSV: {error}") from error
        except UnicodeError as error:  # raised for a whole block of lines
            raise _undecodable(path, encoding) from error


def encoding_of(path: Path) -> str:
    """Return the encoding that a file's byte-order mark names; UTF-8 where it has none."""
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _separator(first: str) -> str:
    """Return the comma, or else the sign that makes several columns of the first line."""
    found = {sign: len(next(csv.reader([first], delimiter=sign), [])) for sign in SEPARATORS}
    return "," if found[","] > 1 else max(found, key=found.__getitem__)


def _undecodable(path: Path, encoding: str) -> ConfigError:
    """Return the complaint about a file that is in another encoding, with the first line that is."""
    if encoding == "utf-16":
        return ConfigError(f"{path}: begins like UTF-16, but cannot be read as UTF-16; save the file as UTF-8")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return ConfigError(f"{path}:{number}: not UTF-8; save the file as UTF-8")
    return ConfigError(f"{path}: not UTF-8; save the file as UTF-8")
