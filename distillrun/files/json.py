"""Small JSON files inside artifacts."""

import json
from pathlib import Path

from distillrun.records import Json


def write_json(path: Path, value: Json) -> None:
    """Write a JSON file for people and for `read_json`."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Json]:
    """Return the object that a JSON file holds."""
    value: dict[str, Json] = json.loads(path.read_text(encoding="utf-8"))
    return value
