"""Rows of JSON: one on each line, a list of them, or a list under a key of an object.

A row is an object, or a list of cells, whose columns are called 0, 1, ... then, or as `columns` beside the rows says.
"""

import json
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError, listed, nearest
from distillrun.files.strict_json import strict_json
from distillrun.files.utf8_stream import open_utf8

MOST_LINE_BYTES = 16 * 2**20
MOST_JSON_BYTES = 2**30

Numbered = Iterator[tuple[int | str, dict[str, Any]]]
"""Rows with their lines or numbers."""


def jsonl_rows(path: Path, encoding: str | None) -> Numbered:
    """Yield the line and the values of each row of a file of JSON lines; bad lines are named when all were read."""
    with open_utf8(path, encoding) as file:
        faults: list[str] = []
        for number, line in enumerate(iter(lambda: file.readline(MOST_LINE_BYTES + 1), b""), start=1):
            where = f"{path}:{number}"
            if len(line) > MOST_LINE_BYTES:
                raise ConfigError(f"{where}: the line is longer than {MOST_LINE_BYTES} bytes; is it JSON lines?")
            if not line.strip():
                continue
            if number == 1 and line.strip() in (b"[", b"{"):
                raise ConfigError(f"{path}: a JSON document over several lines, not an object on each; call it .json")
            try:
                decoded = _decoded(line.strip(), where)
                rows = decoded if _is_list_of_objects(decoded) else [_values(decoded, where)]
            except ConfigError as error:
                faults.append(str(error))
                continue
            yield from ((number, values) for values in rows)
        if faults:
            raise ConfigError(listed(faults))


def json_rows(path: Path, key: str | None, encoding: str | None) -> Numbered:
    """Yield the rows of a JSON file, which may also hold JSON lines.

    Args:
        path: of the file.
        key: where its list of rows is, with dots between keys; None = the only one.
        encoding: of the file, see `open_utf8`.
    """
    if key is None:
        with open_utf8(path, encoding) as file:
            if _holds_lines(file):
                key = ""
    if key == "":
        yield from jsonl_rows(path, encoding)
        return
    with open_utf8(path, encoding) as file:
        content = file.read(MOST_JSON_BYTES + 1)
    if len(content) > MOST_JSON_BYTES:
        raise ConfigError(f"{path} is larger than {MOST_JSON_BYTES} bytes; store it as JSON lines (.jsonl)")
    rows, columns = _list_in(_decoded(content, str(path)), path, key)
    for number, values in enumerate(rows, start=1):
        yield f"entry {number}", _values(values, f"{path}:entry {number}", columns)


def _holds_lines(file: BufferedReader) -> bool:
    """Return whether the first line is an object of its own: a row, not one that holds rows, or others follow it."""
    first = file.readline(MOST_LINE_BYTES).removeprefix(b"\xef\xbb\xbf").strip()
    if not first or first.startswith(b"["):
        return False
    try:
        values = strict_json(first.decode())
    except (ValueError, RecursionError):
        following = file.readline(MOST_LINE_BYTES).strip()
        return first.startswith(b"{") and following.startswith(b"{") and first.endswith(b"}")
    holds_rows = isinstance(values, dict) and (
        _columns_in(values) or _lists_in(values) or all(isinstance(one, dict) for one in values.values())
    )
    return not holds_rows or file.readline(MOST_LINE_BYTES).strip().startswith(b"{")


def _lists_in(values: Any) -> dict[str, list[Any]]:
    """Return the lists of rows in an object, by their keys; rows that are lists count where nothing else is there."""
    pairs = values.items() if isinstance(values, dict) else ()
    lists = {name: one for name, one in pairs if isinstance(one, list) and one and isinstance(one[0], dict)}
    if not lists and values and all(map(_is_table, values.values() if isinstance(values, dict) else ())):
        return dict(pairs)
    return lists


def _is_list_of_objects(value: Any) -> bool:
    """Return whether a value is a list of rows, as a whole file of JSON is, and not a row of cells."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _deep_lists(values: Any, depth: int = 3) -> dict[str, list[Any]]:
    """Return the lists of objects inside the objects of an object, by their keys with dots between."""
    found = {}
    for name, inner in values.items() if isinstance(values, dict) and depth else ():
        if _is_list_of_objects(inner):
            found[str(name)] = inner
        found |= {f"{name}.{key}": one for key, one in _deep_lists(inner, depth - 1).items()}
    return found


def _is_table(value: Any) -> bool:
    """Return whether a value is a list of rows that are lists of cells."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, list) and row for row in value)


def _columns_in(values: Any) -> list[str] | None:
    """Return the columns that an object names beside its rows, as pandas' orient="split" writes them."""
    named = values.get("columns") if isinstance(values, dict) and _is_table(values.get("data")) else None
    is_named = isinstance(named, list) and all(isinstance(one, str) for one in named) and len({*named}) == len(named)
    return named if is_named else None


def _list_in(values: Any, path: Path, key: str | None) -> tuple[list[Any], list[str] | None]:
    """Return the rows that are meant, and the names of their cells where they are told."""
    for name in key.split(".") if key else ():
        if not isinstance(values, dict) or name not in values:
            known = list(values) if isinstance(values, dict) else []
            held = f"it has {', '.join(map(str, known[:8]))}" if known else "what is there is not an object"
            raise ConfigError(f"{path} has no key {name!r}{nearest(name, known)}, see #{key}; {held}")
        values = values[name]
    if isinstance(values, list):
        return values, None
    if (columns := _columns_in(values)) is not None:
        return values["data"], columns
    lists = _lists_in(values) or _deep_lists(values)
    if len(lists) == 1 and key is None:
        return next(iter(lists.values())), None
    if lists:
        ways = " or ".join(f"{path.name}#{f'{key}.' if key else ''}{name}" for name in lists)
        raise ConfigError(f"{path} holds lists of rows under {', '.join(lists)}; name the one that is meant: {ways}")
    raise ConfigError(
        f"{path} holds no list of rows; write a list of objects, or an object on each line (pandas: "
        'to_json(orient="records"))'
    )


def _decoded(content: bytes, where: str) -> Any:
    if b"\0" in content:
        raise ConfigError(
            f"{where}: holds NUL bytes, as UTF-16 without a byte-order mark does; save the file as UTF-8, or set "
            "task.encoding=utf-16-le"
        )
    try:
        values = strict_json(content.decode("utf-8-sig"))
        if b"\\u" in content:
            json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair could never be written again
        return values
    except json.JSONDecodeError as error:
        place = where if error.lineno == 1 else f"{where}:{error.lineno}"
        raise ConfigError(f"{place}: malformed JSON: {error.msg} at column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{where}: not UTF-8 ({error}); save the file as UTF-8, or set task.encoding, such as cp1252"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: cannot be read as UTF-8 JSON: {error}") from error


def _values(values: Any, where: str, columns: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the values of a row by their columns."""
    if isinstance(values, dict):
        return values
    if not isinstance(values, list) or not values:
        raise ConfigError(
            f'{where}: a row must be an object such as {{"id": ...}}, or a list of cells, not {json.dumps(values)[:60]}'
        )
    if columns is not None and len(columns) != len(values):
        raise ConfigError(f"{where}: the row has {len(values)} cells, and there are {len(columns)} columns")
    return dict(zip(columns or map(str, range(len(values))), values, strict=True))
