"""Records as JSON lines. Writing is atomic, equal records give equal bytes, and reading is strict."""

import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from distillrun.errors import ConfigError, nearest
from distillrun.files.strict_json import strict_json
from distillrun.records import Json, Record

_UNUSUAL = re.compile(rb"NaN|Infinity|[eE]\+?\d{3}")
"""What a number that could not be written again holds; texts may hold it, too."""

R = TypeVar("R", bound=Record)


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write one line per record; the file is either the old one or the whole new one, also after a crash.

    Raises:
        ValueError: a record holds a number that is not finite.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            for record in records:
                file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def append_record(path: Path, record: Record) -> None:
    """Add a record to a journal. A last line that a crash tore is cut off first. One process writes at a time."""
    with path.open("ab+") as file:
        _cut_torn_line(file)
        file.write(_line(record))


def read_records(path: Path, kind: type[R]) -> list[R]:
    """Return the records of a file, in order.

    Raises:
        ConfigError: naming file, line and field, where a field is unknown, missing or of another type.
    """
    return list(_parsed(path, kind, path.read_bytes()))


def _line(record: Record) -> bytes:
    try:
        text = json.dumps(_plain(record), ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"{type(record).__name__} cannot be stored: {error}: {record!r:.300}") from error
    return text.encode() + b"\n"


def _plain(value: Any) -> Json:
    """Return a record as JSON values: its fields as declared, the keys of mappings sorted."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    plain: Json = value
    return plain


def _parsed(path: Path, kind: type[R], content: bytes) -> Iterator[R]:
    adapter = TypeAdapter(kind)
    # bytes are split at "\n" alone: str.splitlines would also break texts at U+2028
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            record = adapter.validate_json(line)
            if _UNUSUAL.search(line):
                strict_json(line.decode())
        except ValidationError as error:
            raise ConfigError(f"{path}:{number}: {_reason(kind, error)}") from None
        except ValueError as error:
            raise ConfigError(f"{path}:{number}: not a valid {kind.__name__}: {error}") from None
        yield record


def _reason(kind: type[Record], error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "json_invalid" or not where:
        return f"not a valid {kind.__name__}: {problem['msg']}"
    if problem["type"] == "unexpected_keyword_argument":
        hint = nearest(where, [field.name for field in fields(kind)]) if is_dataclass(kind) else ""
        return f"{kind.__name__} has no field {where!r}{hint}"
    if problem["type"] == "missing":
        return f"{kind.__name__} is missing the field {where!r}"
    return f"{kind.__name__}.{where}: {problem['msg']}, not {json.dumps(problem['input'], ensure_ascii=False)[:80]}"


def _cut_torn_line(file: Any) -> None:
    end = file.seek(0, os.SEEK_END)
    kept = end
    while kept > 0:
        start = max(0, kept - 65536)
        file.seek(start)
        found = file.read(kept - start).rfind(b"\n")
        if found >= 0:
            kept = start + found + 1
            break
        kept = start
    if kept < end:
        file.truncate(kept)


def sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets a folder be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
