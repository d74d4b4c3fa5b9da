"""Ways in which a fault changes a file: what a kill, a full disk, a bad sector or a careless hand leaves behind."""

import json
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], None]


def missing(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_bytes(b"")


def torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flipped(file: Path) -> None:
    """Turn one bit over, three quarters into the file."""
    content = bytearray(file.read_bytes())
    content[len(content) * 3 // 4] ^= 4
    file.write_bytes(content)


def not_utf8(file: Path) -> None:
    file.write_bytes(b"\xff\xfe" + file.read_bytes()[2:])


def other_json(file: Path) -> None:
    """Raise the first number of a JSON file that means something; other files get JSON in their place."""
    try:
        value = json.loads(file.read_bytes())
    except ValueError:
        value = {"step": 7}
    file.write_text(json.dumps(_raised(value)), encoding="utf-8")


def _raised(value: object) -> object:
    if isinstance(value, dict):
        return {key: _raised(inner) for key, inner in value.items()}
    return value + 2 if isinstance(value, int) and not isinstance(value, bool) else value


DAMAGES: dict[str, Damage] = {one.__name__: one for one in (missing, empty, torn, flipped, not_utf8, other_json)}
