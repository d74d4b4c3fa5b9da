"""The files of one split: named, listed, matched by a pattern, or found by their stem as the Hub lays them out."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from distillrun.errors import ConfigError, nearest
from distillrun.files.utf8_stream import is_packed

PLAIN = (".jsonl", ".json", ".csv", ".tsv")
"""Text formats; each may be packed."""
SUFFIXES = (*PLAIN, ".parquet", ".xlsx")
KINDS = ", ".join(SUFFIXES)

_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d+)-of-(?P<count>\d+)(?:-[0-9a-f]{16})?")
_NUMBER = re.compile(r"\d+")


def split_files(folder: Path, wanted: str | Sequence[str]) -> list[Path]:
    """Return the files, or folders of rows, of a split, in their order.

    Args:
        folder: where they are.
        wanted: a file or folder in it; a pattern such as `data/train-*.parquet`; a stem such as `train`, which finds
            train.csv, train-00000-of-00003.parquet and train/, here or in data/; or a list of these. FILE#PART is a
            sheet of a workbook, or a key of a JSON object.

    Raises:
        ConfigError: there is none, there are several that differ, or a shard is missing.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is not a folder" if folder.exists() else f"{folder} does not exist{neighbour(folder)}"
        )
    if not isinstance(wanted, str):
        return [path for one in wanted for path in split_files(folder, one)]
    name, _, part = wanted.rpartition("#") if "#" in wanted and not (folder / wanted).exists() else (wanted, "", "")
    if (folder / name).is_file():
        found = [folder / name]
    elif any(sign in name for sign in "*?["):
        found = _matching(folder, name)
    else:
        found = _of_stem(folder, name)
    return [path.with_name(f"{path.name}#{part}") for path in found] if part else found


def stem_patterns(wanted: str | Sequence[str]) -> list[str]:
    """Return patterns of all paths in which `split_files` may find a split."""
    if not isinstance(wanted, str):
        return [pattern for one in wanted for pattern in stem_patterns(one)]
    name = wanted.rpartition("#")[0] or wanted
    return [name, *(f"{place}{name}{rest}" for place in ("", "data/") for rest in (".*", "-*", "/*"))]


def bare(path: Path) -> str:
    """Return the name of a file without what says how it is written and packed."""
    name = path.with_suffix("") if is_packed(path) else path
    return name.stem if name.suffix.lower() in SUFFIXES else name.name


def kind_of(path: Path) -> str:
    """Return the ending of a file's name that says how it is written, whether it is packed or not."""
    return (Path(path.stem) if is_packed(path) else path).suffix.lower()


def holds_rows(path: Path) -> bool:
    """Return whether a path has the name of a file of rows."""
    return kind_of(path) in (PLAIN if is_packed(path) else SUFFIXES)


def in_order(files: Iterable[Path]) -> list[Path]:
    """Return files in the order of the numbers in their names.

    Raises:
        ConfigError: they are shards that say how many there are, and one is missing.
    """
    ordered = sorted(files, key=lambda path: ([int(n) for n in _NUMBER.findall(bare(path))], path.name))
    shards = [(path, match) for path in ordered if (match := _SHARD.fullmatch(bare(path)))]
    for path, shard in shards:
        count = int(shard["count"])
        held = {int(one["number"]) for _, one in shards if one["stem"] == shard["stem"] and int(one["count"]) == count}
        first = 1 if count in held else 0
        missing = next((number for number in range(first, first + count) if number not in held), None)
        if missing is not None:
            name = path.name.replace(f"-{shard['number']}-of-", f"-{missing:0{len(shard['number'])}d}-of-", 1)
            raise ConfigError(
                f"{path} is one of {count} shards, and {name} is missing; add it, or name all shards with "
                f"{shard['stem']} or a pattern"
            )
    return ordered


def listing(folder: Path) -> str:
    """Return what a folder holds, for messages."""
    held = sorted(path.name + ("/" if path.is_dir() else "") for path in folder.iterdir())
    return (", ".join(held[:8]) or "nothing") + (", …" if len(held) > 8 else "")


def neighbour(path: Path) -> str:
    """Return what a path that does not exist may have meant, or how much of it exists, for messages."""
    existing = next((parent for parent in path.parents if parent.is_dir()), None)
    if existing is None:
        return ""
    missing = path.relative_to(existing).parts[0]
    return nearest(missing, (child.name for child in existing.iterdir())) or f" ({existing} does)"


def _matching(folder: Path, pattern: str) -> list[Path]:
    if Path(pattern).is_absolute():
        raise ConfigError(f"{pattern}: a pattern must lie in {folder}; give it relative to that folder")
    found = in_order(path for path in folder.glob(pattern) if not path.name.startswith("."))
    if not found:
        raise ConfigError(f"nothing in {folder} matches {pattern}; it holds: {listing(folder)}")
    return found


def _of_stem(folder: Path, stem: str) -> list[Path]:
    """Return the one file, folder or set of shards that has this stem, here or in data/."""
    found = [files for place in (folder / stem, folder / "data" / stem) for files in _candidates(place)]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(str(files[0].relative_to(folder)) for files in found)
        raise ConfigError(f"{folder} holds {names}; keep one of them, or name the one that is meant")
    around = (folder / stem).parent
    if not around.is_dir():
        raise ConfigError(f"{around} does not exist{neighbour(around)}")
    known = [path.name for path in around.iterdir()]
    raise ConfigError(
        f"{around} holds no {Path(stem).name}{nearest(Path(stem).name, known)}, as a folder or with one of {KINDS}; it "
        f"holds: {listing(around)}"
    )


def _candidates(place: Path) -> list[list[Path]]:
    """Return the folder, the files and the sets of shards whose names are those of a place but for their endings."""
    if not place.parent.is_dir():
        return []
    near = sorted(path for path in place.parent.iterdir() if path.is_file() and holds_rows(path))
    shards: dict[tuple[str, ...], list[Path]] = {}
    for path in near:
        if (match := _SHARD.fullmatch(bare(path))) and match["stem"] == place.name:
            shards.setdefault(tuple(path.suffixes), []).append(path)
    alone = [[path] for path in near if bare(path) == place.name]
    return [*([[place]] if place.is_dir() else []), *alone, *map(in_order, shards.values())]
