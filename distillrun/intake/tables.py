"""The files that a user names, each with its rows and the split that it is."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError
from distillrun.files.rows import Row, read_all
from distillrun.files.split_files import bare, holds_rows, in_order, kind_of
from distillrun.intake.columns import TEXTS, called
from distillrun.task.shared.label_list import read_labels

LABELS = "labels"
ROLES = ("train", "dev", "test", LABELS)
_NUMBERS = re.compile(r"\d+")
ALIKE = 0.1
"""From this share of equal rows on, two files are variants of one another."""
_WORDS = {
    "train": ("train", "training"),
    "dev": ("dev", "valid", "validation", "val", "eval", "development"),
    "test": ("test", "testing", "heldout", "holdout"),
    LABELS: ("label", "labels", "classes", "categories", "intents"),
}


@dataclass(frozen=True)
class Table:
    """The files of one role, with their rows.

    Attributes:
        role: train, dev, test or labels.
        paths: its files, in order.
        rows: of all of them.
        is_named: the user, or the name of the file, says the role.
    """

    role: str
    paths: tuple[Path, ...]
    rows: Sequence[Row]
    is_named: bool

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """The values of each row by column; what an object holds has a column of its own, such as question.stem."""
        return [_flat(row.values) for row in self.rows]

    @cached_property
    def columns(self) -> list[str]:
        """The columns, in the order in which they first occur."""
        return list(dict.fromkeys(name for row in self.cells for name in row))

    def values(self, column: str) -> list[Any]:
        """Return what the rows have in a column; None where they have nothing."""
        return [row.get(column) for row in self.cells]


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row, those of objects that hold a question or a text under names with a dot."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and called(value, TEXTS) is not None and not {"text", "label"} >= value.keys():
            flat |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            flat[name] = value
    return flat


def tables_of(words: Sequence[str], encoding: str | None) -> dict[str, Table]:
    """Return the tables of a user's files by their roles.

    Args:
        words: files or folders of files, or ROLE=FILE.
        encoding: of text files, as `task.encoding`.

    Raises:
        ConfigError: a file is missing or cannot be read, or it cannot be told which split it is.
    """
    found: dict[str, list[Path]] = {}
    said: dict[str, list[Path]] = {}
    unnamed: list[Path] = []
    for role, path, is_said in (one for word in words for one in _files_of(word)):
        if role is None:
            unnamed.append(path)
        else:
            (said if is_said else found).setdefault(role, []).append(path)
    found |= said  # what the user says goes before what names say
    named = set(found)
    if len(unnamed) > 1 or (unnamed and "train" in found):
        raise ConfigError(
            f"{unnamed[-1]}: its name does not say whether it is train, dev, test or a file of labels; write it as "
            f"train={unnamed[-1].name} (or dev=, test=, labels=)"
        )
    if unnamed:
        found["train"] = unnamed
    tables = {}
    for role in (role for role in ROLES if role in found):
        paths = in_order(found[role])
        rows = _rows(paths, role, encoding)
        if not rows:
            raise ConfigError(f"{paths[0]} holds no rows; name the file that does")
        if role not in said and len(paths) > 1:
            _check_parts(role, paths, rows)
        tables[role] = Table(role, tuple(paths), rows, role in named)
    if "train" not in tables:
        raise ConfigError(f"none of {', '.join(words)} holds training rows; write the file that does as train=FILE")
    return tables


def _check_parts(role: str, paths: Sequence[Path], rows: Sequence[Row]) -> None:
    """Raise ConfigError where files whose names say the same role are variants of one another, not parts of a whole."""
    families = {(_NUMBERS.sub("#", bare(path).lower()), kind_of(path)) for path in paths}
    first: dict[str, str] = {}
    again: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for row in rows:
        file = row.where.rpartition(":")[0]
        sizes[file] += 1
        again[file] += first.setdefault(repr(row.values), file) != file
    if len(families) == 1 and all(again[file] < ALIKE * size for file, size in sizes.items()):
        return
    shared = f"{again.total():,} rows of one are also in another"
    why = shared if again.total() else "their names differ by more than a number"
    raise ConfigError(
        f"{' and '.join(path.name for path in paths)} may each be the {role} rows, and {why}; name the one that is "
        f"meant ({role}={paths[0]}), or all of them, where they are parts of a whole: "
        + " ".join(f"{role}={path}" for path in paths)
    )


def _files_of(word: str) -> Iterable[tuple[str | None, Path, bool]]:
    """Yield the files that a word names, each with its role, None where its name does not say it, and who says it."""
    given, sign, rest = word.partition("=")
    role = given if sign and given in ROLES and not Path(word).exists() else None
    path = Path(rest if role else word)
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file; give a table such as train.csv, or the folder that holds it")
    if path.is_file():
        yield role or role_of(path), path, role is not None
        return
    files = _tables_in(path) or (_tables_in(path / "data") if (path / "data").is_dir() else [])
    if not files:
        raise ConfigError(f"{path} holds no table (.csv, .jsonl, .parquet, .xlsx …); give the files themselves")
    for file in files:
        yield role or role_of(file) or role_of(path), file, role is not None


def _tables_in(folder: Path) -> list[Path]:
    """Return the tables in a folder, and the texts that are lists of labels."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")]
    return [file for file in files if holds_rows(file) or (_is_list(file) and role_of(file) == LABELS)]


def _is_list(path: Path) -> bool:
    return path.suffix.lower() == ".txt"


def _rows(paths: Sequence[Path], role: str, encoding: str | None) -> list[Row]:
    """Return the rows of the files of a role; a list of labels has one on each line."""
    if role == LABELS and len(paths) == 1 and _is_list(paths[0]):
        return [Row(str(paths[0]), {"name": name}) for name in read_labels(paths[0], encoding).names]
    return list(read_all(paths, encoding))


def role_of(path: Path) -> str | None:
    """Return the role that the name of a file says; None where it says none, or two."""
    words = set(re.split(r"[^a-z]+", re.sub(r"held[ _-]?out", "heldout", bare(path).lower().removesuffix(".txt"))))
    roles = [role for role in ROLES if words & set(_WORDS[role])]
    return roles[0] if len(roles) == 1 else None
