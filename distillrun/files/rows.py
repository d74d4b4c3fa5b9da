"""A user's rows: JSON lines, JSON, CSV, Parquet and Hugging Face's `save_to_disk` folders, all read the same way."""

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError, nearest
from distillrun.files.csv_rows import csv_rows
from distillrun.files.strict_json import strict_json

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")
MOST_LINE_BYTES = 16 * 2**20
MOST_JSON_BYTES = 2**30

_SHARD = re.compile(r"-(\d+)-of-(\d+)\.")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file. `where` is its file and line, for messages."""

    where: str
    values: dict[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a .jsonl, .json, .csv or .parquet file, or of a `save_to_disk` folder.

    A folder of `shard_*` folders is read in the order of their numbers; one that holds a single .jsonl file counts as
    that file.

    Raises:
        ConfigError: the path is missing, is none of these, or a row of it is malformed (with its line).
    """
    if not path.exists():
        raise ConfigError(f"{path} does not exist{_neighbour(path)}")
    if path.is_dir():
        yield from _folder_rows(path)
    elif (shard := _SHARD.search(path.name)) and int(shard[2]) > 1:
        raise ConfigError(
            f"{path} is one of {int(shard[2])} shards, and the rows of the others would be missing; join them into one "
            "file"
        )
    elif path.suffix == ".csv":
        for number, values in csv_rows(path):
            yield Row(f"{path}:{number}", values)
    elif path.suffix == ".parquet":
        yield from _parquet_rows(path)
    elif path.suffix == ".json" and _starts_as_list(path):
        yield from _json_rows(path)
    elif path.suffix in SUFFIXES:
        yield from _jsonl_rows(path)
    else:
        raise ConfigError(f"{path} cannot be read: give a {', '.join(SUFFIXES)} file or a save_to_disk folder")


def find_rows(folder: Path, stem: str) -> Path:
    """Return the one file or folder of rows in a folder that is called `stem` (and a suffix).

    Raises:
        ConfigError: there is none, or more than one.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else f"does not exist{_neighbour(folder)}"
        raise ConfigError(f"{folder} {what}")
    found = [path for path in sorted(folder.iterdir()) if path.stem == stem and _may_hold_rows(path)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"{folder} holds {' and '.join(path.name for path in found)}; keep one of them")
    held = sorted(path.name for path in folder.iterdir())
    wanted = ", ".join(stem + suffix for suffix in SUFFIXES)
    raise ConfigError(f"{folder} holds no {wanted} or {stem}/; it holds: {', '.join(held[:8]) or 'nothing'}")


def digest_of(path: Path) -> str:
    """Return the sha256 of a file, or of all files in a folder, over names relative to it and contents.

    Hidden files and the caches that `datasets` leaves behind do not count.
    """
    if not path.exists():
        raise ConfigError(f"{path} does not exist{_neighbour(path)}")
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    whole = hashlib.sha256()
    for file in files:
        name = file.relative_to(path if path.is_dir() else path.parent)
        if any(part.startswith((".", "cache-")) for part in name.parts):
            continue
        with file.open("rb") as content:
            inner = hashlib.file_digest(content, "sha256").hexdigest()
        whole.update(json.dumps([name.as_posix(), inner]).encode())
    return whole.hexdigest()


def _may_hold_rows(path: Path) -> bool:
    return path.is_dir() if not path.suffix else path.is_file() and path.suffix in SUFFIXES


def _neighbour(path: Path) -> str:
    existing = next((parent for parent in path.parents if parent.is_dir()), None)
    if existing is None:
        return ""
    missing = path.relative_to(existing).parts[0]
    return nearest(missing, (child.name for child in existing.iterdir())) or f" ({existing} does)"


def _folder_rows(folder: Path) -> Iterator[Row]:
    shards = sorted((int(match[1]), path) for path in folder.glob("shard_*") if (match := _shard(path)))
    lines = sorted(folder.glob("*.jsonl"))
    if shards:
        numbers = [number for number, _ in shards]
        if any(later - earlier != 1 for earlier, later in pairwise(numbers)) or numbers[0] > 1:
            _log.warning("%s: the shards %s are not numbered in one run; some may be missing", folder, numbers)
        for _, shard in shards:
            yield from _saved_rows(shard)
    elif (folder / "state.json").is_file():
        yield from _saved_rows(folder)
    elif (folder / "dataset_dict.json").is_file():
        splits = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        raise ConfigError(f"{folder} holds the splits {', '.join(splits)}; name the folder of one of them")
    elif len(lines) == 1:
        yield from _jsonl_rows(lines[0])
    else:
        held = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise ConfigError(
            f"{folder} is not a save_to_disk folder and has neither shard_* nor a single .jsonl file; it holds: {held}"
        )


def _shard(path: Path) -> re.Match[str] | None:
    return re.fullmatch(r"shard_(\d+)", path.name) if path.is_dir() else None


def _saved_rows(folder: Path) -> Iterator[Row]:
    import datasets

    try:
        saved = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder} cannot be read as a save_to_disk folder: {error}") from error
    for number, values in enumerate(saved, start=1):
        yield Row(f"{folder}:{number}", dict(values))


def _parquet_rows(path: Path) -> Iterator[Row]:
    from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]

    try:
        with parquet.ParquetFile(path) as file:
            batches = chain.from_iterable(batch.to_pylist() for batch in file.iter_batches())
            for number, values in enumerate(batches, start=1):
                yield Row(f"{path}:{number}", values)
    except (ArrowException, OSError) as error:
        raise ConfigError(f"{path} cannot be read as a Parquet file: {error}") from error


def _jsonl_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_LINE_BYTES + 1), b""), start=1):
            where = f"{path}:{number}"
            if len(line) > MOST_LINE_BYTES:
                raise ConfigError(f"{where}: the line is longer than {MOST_LINE_BYTES} bytes; is it JSON lines?")
            if line.strip():
                yield Row(where, _object(_decoded(line.strip(), where), where))


def _json_rows(path: Path) -> Iterator[Row]:
    if path.stat().st_size > MOST_JSON_BYTES:
        raise ConfigError(f"{path} is larger than {MOST_JSON_BYTES} bytes; store it as JSON lines (.jsonl)")
    for number, values in enumerate(_decoded(path.read_bytes(), str(path)), start=1):
        where = f"{path}:entry {number}"
        yield Row(where, _object(values, where))


def _starts_as_list(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _decoded(content: bytes, where: str) -> Any:
    if b"\0" in content:
        raise ConfigError(f"{where}: holds NUL bytes, as UTF-16 does; save the file as UTF-8")
    try:
        values = strict_json(content.decode("utf-8-sig"))
        if b"\\u" in content:
            json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair could never be written again
        return values
    except json.JSONDecodeError as error:
        place = where if error.lineno == 1 else f"{where}:{error.lineno}"
        raise ConfigError(f"{place}: malformed JSON: {error.msg} at column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: not UTF-8 ({error}); save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: cannot be read as UTF-8 JSON: {error}") from error


def _object(values: Any, where: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ConfigError(f'{where}: a row must be an object such as {{"id": ...}}, not {json.dumps(values)[:60]}')
    return values
