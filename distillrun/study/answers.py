"""The answers to a study: the files of our own questionnaires, or one table of any survey tool."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import Row, read_rows
from distillrun.study.files import FORMAT, KEY
from distillrun.study.key import Check, Key, read_key
from distillrun.study.ratings import Answer, point


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of a table's columns.

    Attributes:
        rater, model, item: of a rating; a table with a key needs no model.
        constructs: those that are rated.
        length: of the explanation, in words.
        about: what raters say of themselves.
        check: the point that a row asks for, if it is an attention check; such a row needs no model.
    """

    rater: str
    model: str
    item: str
    constructs: Sequence[str]
    length: str
    about: Sequence[str]
    check: str


@dataclass(frozen=True, slots=True)
class Read:
    """The answers as they were given, the constructs, and what raters say of themselves."""

    answers: Sequence[Answer]
    constructs: Sequence[str]
    about: Sequence[str]


def read_answers(files: Sequence[Path], key: Path | None, columns: Columns) -> Read:
    """Return all answers of files.

    Args:
        files: all of our own questionnaires, or all tables.
        key: of the study; None = looked for next to the questionnaires' folder.
        columns: of tables.

    Raises:
        ConfigError: a file is not there, was edited, belongs to another study, or a column is missing.
    """
    own = [file for file in files if _is_ours(file)]
    if own and len(own) < len(files):
        other = next(file for file in files if file not in own)
        raise ConfigError(f"{other} is not an answers file of a questionnaire, but {own[0]} is; analyse each alone")
    if own:
        return _ours(own, read_key(key or _found_key(own)))
    return _tables(files, None if key is None else read_key(key), columns)


def _is_ours(file: Path) -> bool:
    if file.suffix != ".json" or not file.is_file():
        return False
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise ConfigError(f"{file} is not a complete answers file; ask its rater to save and send it again") from None
    return isinstance(value, dict) and value.get("format") == FORMAT


def _found_key(files: Sequence[Path]) -> Path:
    for folder in (files[0].parent, *files[0].resolve().parents):
        if (folder / KEY).is_file():
            return folder / KEY
    raise ConfigError(
        f"the study's {KEY}, which says whose explanations were rated, was not found; give it with --key FILE"
    )


def _ours(files: Sequence[Path], key: Key) -> Read:
    answers: list[Answer] = []
    seen: dict[str, Path] = {}
    for file in files:
        found = json.loads(file.read_text(encoding="utf-8"))
        rater = str(found.get("rater"))
        if found.get("study") != key.study:
            raise ConfigError(
                f"{file} is from study {found.get('study')}, and the key from {key.study}; give the key of its own "
                "study"
            )
        if rater in seen:
            raise ConfigError(f"{file} and {seen[rater]} are both from rater {rater}; leave one of them out")
        seen[rater] = file
        own = checksum(found, key)
        if own is None or own != found.get("checksum"):
            raise ConfigError(f"{file} was edited after it was saved: its checksum does not match; ask for it again")
        about = {name: str(found["demographics"].get(name) or "").strip() for name in key.demographics}
        answers += [
            _answer(f"{file}, item {place}", rater, given, key, about)
            for place, given in enumerate(found["answers"], start=1)
        ]
    return Read(answers, list(key.constructs), list(key.demographics))


def checksum(found: Mapping[str, Any], key: Key) -> str | None:
    """Return the checksum of an answers file as its questionnaire computes it; None where the file is not whole.

    It finds slips and edits by hand; it is not a signature.
    """
    try:
        lines = [str(found["study"]), str(found["rater"])]
        for given in found["answers"]:
            lines += [f"{given['item']} {name} {given[name]}" for name in key.constructs]
        lines += [f"{name} {found['demographics'].get(name) or ''}" for name in key.demographics]
    except (KeyError, TypeError, AttributeError):
        return None
    # half of a character outside the basic plane, where a browser cut one, is U+FFFD to it
    text = "\n".join(lines).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return f"{crc32(text.encode()):08x}"


def _answer(where: str, rater: str, given: Mapping[str, Any], key: Key, about: Mapping[str, str]) -> Answer:
    """Return what was answered about an item of the key. Raises ConfigError where the key does not know it."""
    code = str(given.get("item"))
    told = key.items.get(code)
    if told is None or told.rater != rater:
        raise ConfigError(f"{where}: the key has no item {code!r} of rater {rater}; give the key of this study")
    ratings = {name: given.get(name) for name in key.constructs}
    if isinstance(told, Check):
        return Answer(where, rater, "", code, ratings, None, about, told.check)
    # raters see codes of their own; the explanation behind them is one and the same
    return Answer(where, rater, told.model, f"{told.model}/{told.question}", ratings, told.rationale_length, about)


def _tables(files: Sequence[Path], key: Key | None, columns: Columns) -> Read:
    rows = [row for file in files for row in read_rows(file)]
    if not rows:
        raise ConfigError(f"{files[0]} holds no row")
    names = _names(rows[0], columns, key)
    constructs = list(columns.constructs) if key is None else list(key.constructs)
    return Read([_row(row, names, columns, constructs, key) for row in rows], constructs, columns.about)


def _names(row: Row, columns: Columns, key: Key | None) -> dict[str, str]:
    """Return how the columns that are wanted are written in the table, whatever their case."""
    there = {name.strip().casefold(): name for name in row.values}
    wanted = [columns.rater, *(columns.constructs if key is None else key.constructs), *columns.about]
    wanted.append(columns.item if key else columns.model)
    absent = [name for name in wanted if name.casefold() not in there]
    if absent:
        listed = ", ".join(map(repr, row.values))
        raise ConfigError(
            f"{row.where}: there is no column {', '.join(map(repr, absent))}{nearest(absent[0], row.values)}; there "
            f"are {listed}; name yours with --rater, --model, --constructs"
        )
    return there


def _row(row: Row, names: Mapping[str, str], columns: Columns, constructs: Sequence[str], key: Key | None) -> Answer:
    def text(column: str) -> str:
        value = row.values.get(names.get(column.casefold(), column))
        return "" if value is None or value != value else str(value).strip()

    given: dict[str, object] = {name: row.values.get(names[name.casefold()]) for name in constructs}
    about = {name: text(name) for name in columns.about}
    rater = text(columns.rater)
    if key is not None:
        return _answer(row.where, rater, {"item": text(columns.item), **given}, key, about)
    length = _length(text(columns.length), f"{row.where}: {columns.length}")
    expected = _expected(text(columns.check), f"{row.where}: {columns.check}")
    return Answer(row.where, rater, text(columns.model), text(columns.item), given, length, about, expected)


def _expected(text: str, where: str) -> int:
    """Return the point that an attention check asks for; 0 of a row that is none."""
    if not text:
        return 0
    expected = point(text)
    if expected is None:
        raise ConfigError(f"{where}={text!r} must be the point that the check asks for, or empty")
    return expected


def _length(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ConfigError(f"{where}={text!r} is not a length; give a number of 0 or more, or leave it empty")
    return number
