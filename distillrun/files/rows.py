"""A user's rows: JSON, CSV, Parquet, Excel and Hugging Face's `save_to_disk` folders, all read the same way."""

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError
from distillrun.files.csv_rows import TAB, csv_rows
from distillrun.files.json_rows import Numbered, json_rows, jsonl_rows
from distillrun.files.parquet_rows import parquet_rows
from distillrun.files.split_files import KINDS, bare, holds_rows, in_order, kind_of, listing, neighbour
from distillrun.files.spreadsheet import spreadsheet_rows

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file. `where` is its file and line, for messages."""

    where: str
    values: dict[str, Any]


def read_rows(path: Path, encoding: str | None = None) -> Iterator[Row]:
    """Yield the rows of a file of one of the kinds of `SUFFIXES`, packed or not, or of a folder.

    Args:
        path: of the file; FILE#PART is a sheet of a workbook or a key of a JSON object. A folder of `shard_*` folders
            or of files of one kind is read in the order of their numbers.
        encoding: of text files; a byte-order mark goes before it. None = UTF-8.

    Raises:
        ConfigError: the path is missing, is none of these or one shard of several, or a row of it is malformed (with
            its line).
    """
    yield from read_all([path], encoding)


def read_all(paths: Sequence[Path], encoding: str | None = None) -> Iterator[Row]:
    """Yield the rows of all files of a split, in their order."""
    in_order(paths)  # raises where a shard is missing
    for whole in paths:
        path, part = _parted(whole)
        if not path.exists():
            raise ConfigError(f"{path} does not exist{neighbour(path)}")
        if path.is_dir():
            yield from _folder_rows(path, encoding)
            continue
        for number, values in _numbered(path, part, encoding):
            yield Row(f"{path}:{number}", values)


def digest_of(path: Path) -> str:
    """Return the sha256 of a file, or of all files in a folder, over names relative to it and contents.

    Hidden files and the caches that `datasets` leaves behind do not count.
    """
    path, _ = _parted(path)
    if not path.exists():
        raise ConfigError(f"{path} does not exist{neighbour(path)}")
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


def _parted(path: Path) -> tuple[Path, str | None]:
    """Return the path of a file and the part of it that is meant, such as a sheet."""
    name, sign, part = path.name.rpartition("#")
    return (path.with_name(name), part) if sign and name and part and not path.exists() else (path, None)


def _numbered(path: Path, part: str | None, encoding: str | None) -> Numbered:
    """Return the rows of a file with their lines or numbers."""
    kind = kind_of(path)
    if not holds_rows(path):
        raise ConfigError(
            f"{path} cannot be read: give a {KINDS} file (text files also as .gz or .zst) or a save_to_disk folder"
        )
    if part is not None and kind not in (".json", ".xlsx"):
        raise ConfigError(f"{path}#{part}: only sheets of .xlsx and keys of .json files are named so")
    if kind == ".parquet":
        return parquet_rows(path)
    if kind == ".xlsx":
        return spreadsheet_rows(path, part)
    if kind == ".json":
        return json_rows(path, part, encoding)
    if kind == ".jsonl":
        return jsonl_rows(path, encoding)
    return csv_rows(path, encoding, TAB if kind == ".tsv" else None)


def _folder_rows(folder: Path, encoding: str | None) -> Iterator[Row]:
    shards = sorted((int(match[1]), path) for path in folder.glob("shard_*") if (match := _shard(path)))
    files = [path for path in folder.iterdir() if path.is_file() and holds_rows(path)]
    if shards:
        _warn_of_gaps(folder, [number for number, _ in shards])
        for _, shard in shards:
            yield from _saved_rows(shard)
    elif (folder / "state.json").is_file():
        yield from _saved_rows(folder)
    elif (folder / "dataset_dict.json").is_file():
        splits = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        raise ConfigError(f"{folder} holds the splits {', '.join(splits)}; name the folder of one of them")
    elif files and len(set(map(kind_of, files))) == 1:
        _warn_of_gaps(folder, sorted(int(bare(path)) for path in files if bare(path).isdecimal()))
        yield from read_all(in_order(files), encoding)
    else:
        raise ConfigError(
            f"{folder} is not a save_to_disk folder and has neither shard_* nor files of one kind ({KINDS}); it holds: "
            f"{listing(folder)}"
        )


def _warn_of_gaps(folder: Path, numbers: Sequence[int]) -> None:
    if numbers and (any(later - earlier != 1 for earlier, later in pairwise(numbers)) or numbers[0] > 1):
        _log.warning("%s: the shards %s are not numbered in one run; some may be missing", folder, numbers)


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
