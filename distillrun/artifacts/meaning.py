"""The version of what a part means: hashed with its settings, so that what wrong code made is not reused.

`MEANING: ClassVar[int] = 2` says that equal settings give other results than before; where only some settings do,
`MEANING: ClassVar[Mapping[str, int]] = {"boundary=tail": 2}`. A module that several parts share may have one, too; the
parts name it in `RESTS_ON`. 1 is hashed as nothing, so whatever is not named stays valid.

`ADDED: ClassVar[Mapping[str, Json]] = {"wrong": False}` names settings that a part was given later, each with the value
that means what was done before there was such a setting. That value is hashed as nothing, for the same reason.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from distillrun.names.parts import module_of
from distillrun.records import Json

_STATED = re.compile(r"^class (\w+)|^(\s*)((?:MEANING|VERSION)\b[^=\n]*= [^#\n]*)", re.MULTILINE)

KEY = "_meaning_"
"""The key of the number in what is hashed, next to the `_target_` that it belongs to."""


def meaning_of(kind: type, settings: Mapping[str, Json] | None = None) -> int:
    """Return the version of what a part means: it grows with that of each class it inherits from or rests on."""
    return 1 + sum(rise for one in set(_roots(kind)) for rise in _rises(one, settings or {}))


def with_meanings(settings: Json) -> Json:
    """Return the settings of a part as they are hashed: with the meaning of every part in them, however deep, where it
    is above 1, and without settings that were added later and change nothing.

    Only classes that are there already are looked up: settings are hashed after their parts were built.

    Raises:
        RuntimeError: a part was not built, so that nobody knows what it means.
    """
    if isinstance(settings, list):
        return [with_meanings(value) for value in settings]
    if not isinstance(settings, dict):
        return settings
    inner = {key: with_meanings(value) for key, value in settings.items()}
    if (target := settings.get("_target_")) is None:
        return inner
    kind = _class(str(target))
    added: Mapping[str, Json] = getattr(kind, "ADDED", {})
    inner = {key: value for key, value in inner.items() if key not in added or value != added[key]}
    meaning = meaning_of(kind, settings)
    return inner if meaning == 1 else inner | {KEY: meaning}


def changed(key: str, part: object) -> dict[str, Json]:
    """Return the meaning of a part under a key, where it is above 1, for stages that hash nothing else of it."""
    meaning = meaning_of(type(part))
    return {} if meaning == 1 else {key: meaning}


@cache
def digest_of_the_code() -> str:
    """Return the digest of every MEANING and VERSION in the package: where it is another, results may be.

    The sources are read, not imported, so that a sweep can tell it before it starts anything. The folder of a module
    does not count.
    """
    stated = sorted(one for file in Path(__file__).parents[1].rglob("*.py") for one in _stated_in(file))
    return sha256(json.dumps(stated).encode()).hexdigest()[:16]


def _stated_in(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each class, or the module, with the MEANING or VERSION that it states."""
    within = file.stem
    for kind, indent, stated in _STATED.findall(file.read_text(encoding="utf-8")):
        if kind:
            within = kind
        else:
            yield within if indent else file.stem, stated.strip()


def _roots(one: type | ModuleType) -> Iterator[type | ModuleType]:
    """Yield everything whose meaning is part of one's own."""
    bases = one.__mro__ if isinstance(one, type) else (one,)
    for base in bases:
        yield base
        for other in vars(base).get("RESTS_ON", ()):
            yield from _roots(other)


def _rises(one: type | ModuleType, settings: Mapping[str, Json]) -> Iterator[int]:
    """Yield how often a class or module was given another meaning, as far as it concerns these settings."""
    meaning: int | Mapping[str, int] = vars(one).get("MEANING", 1)
    if isinstance(meaning, int):
        yield meaning - 1
        return
    for condition, version in meaning.items():
        key, _, wanted = condition.partition("=")
        if str(_setting(settings, key)) == wanted:
            yield version - 1


def _setting(settings: Mapping[str, Json], key: str) -> object:
    """Return the value of a dotted key; None where there is none."""
    found: object = settings
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _class(target: str) -> type:
    module, name = module_of(target), re.split("[./]", target)[-1]
    found = vars(sys.modules[module]).get(name) if module in sys.modules else None
    if not isinstance(found, type):
        raise RuntimeError(f"{target} is hashed before it was built")
    return found
