"""The names of classes that Hugging Face's files keep beside their numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError
from distillrun.files.strict_json import strict_json

MOST_BYTES = 16 * 2**20


def class_names(path: Path, column: str) -> tuple[str, ...] | None:
    """Return the names of a column's numbers, `ClassLabel` of `datasets`, alone or in lists; None where it has none.

    Args:
        path: a Parquet file, which holds them in its metadata, or a folder that `save_to_disk` wrote.
        column: its name.
    """
    features: Any = _features(path)
    found = features.get(column) if isinstance(features, Mapping) else None
    if isinstance(found, list) and len(found) == 1:  # how older versions write a list of them
        found = found[0]
    if isinstance(found, Mapping) and isinstance(found.get("feature"), Mapping):
        found = found["feature"]
    if not isinstance(found, Mapping) or found.get("_type") != "ClassLabel" or not isinstance(found.get("names"), list):
        return None
    return tuple(map(str, found["names"]))


def _features(path: Path) -> Any:
    """Return the features that a file declares; None where it declares none."""
    try:
        if path.is_dir():
            files = sorted(path.glob("**/dataset_info.json"))
            return strict_json(_text(files[0])).get("features") if files else None
        if path.suffix.lower() != ".parquet":
            return None
        from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]

        try:
            told = (parquet.read_schema(path).metadata or {}).get(b"huggingface", b"{}")
        except (ArrowException, OSError) as error:
            raise ConfigError(f"{path} cannot be read as a Parquet file: {error}") from error
        return strict_json(told.decode()).get("info", {}).get("features")
    except (ValueError, AttributeError, OSError):  # another program's metadata of that name
        return None


def _text(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.read(MOST_BYTES).decode()
