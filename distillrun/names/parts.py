"""The names of parts: configs, manifests and run folders say `objective/Multitask`, wherever its module lies.

Before there were names, a Python path stood there and was hashed. Such paths are still read, and a part that had one
is still hashed by it, so that moving a module changes nothing. A part from outside (`runtime.allow_targets`) keeps its
path.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from distillrun.names.former_paths import FORMER_PATHS

TARGET = "_target_"

GROUPS = ("task", "scorer", "teacher", "generation", "student", "objective", "evaluation", "tracking")
"""The config groups whose options are classes; each is a folder of the package, too."""

_PATH = re.compile(rf"distillrun\.({'|'.join(GROUPS)})(?:\.[A-Za-z]\w*)+\.([A-Z]\w*)")
_CLASS = re.compile(r"^class ([A-Z]\w*)", re.MULTILINE)


def name_of(target: str) -> str:
    """Return the name of a part that is called by its Python path or by an earlier name; anything else as it is."""
    name = _shortened(target)
    return _now().get(name, name)


def with_names(settings: Any) -> Any:
    """Return settings in which every part, however deep, is called by its name."""
    return _replaced(settings, name_of)


def as_hashed(value: Any) -> Any:
    """Return settings as a digest takes them: a part that was hashed by a Python path before it had a name still is."""
    return _replaced(value, lambda name: FORMER_PATHS.get(name, name))


def targets_in(settings: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield key and value of every `_target_`, however deep."""
    items = dict(enumerate(settings)) if isinstance(settings, list | tuple) else settings
    if not isinstance(items, Mapping):
        return
    for name, value in items.items():
        here = f"{key}.{name}" if key else str(name)
        if name == TARGET and isinstance(value, str):
            yield here, value
        else:
            yield from targets_in(value, here)


def module_of(target: str) -> str:
    """Return the module that a target's class is looked for in; empty where no module of the group defines it."""
    group, slash, name = target.partition("/")
    if not slash:
        return target.rpartition(".")[0]
    modules = modules_of(group).get(name, ()) if group in GROUPS else ()
    return modules[0] if modules else ""


@cache
def modules_of(group: str) -> Mapping[str, tuple[str, ...]]:
    """Return the public classes of a group and the modules that define them; sources are read and not imported."""
    package = Path(__file__).parents[1]
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted((package / group).rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            module = ".".join(parts).removesuffix(".__init__")
            for name in _CLASS.findall(file.read_text(encoding="utf-8")):
                found[name] = (*found.get(name, ()), module)
    return found


@cache
def _now() -> Mapping[str, str]:
    """Return the name of each part by the one that its former path gives: another one where its class was renamed."""
    return {_shortened(former): name for name, former in FORMER_PATHS.items()}


def _shortened(target: str) -> str:
    path = _PATH.fullmatch(target)
    return f"{path[1]}/{path[2]}" if path else target


def _replaced(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, list | tuple):
        return [_replaced(item, change) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: change(item) if key == TARGET and isinstance(item, str) else _replaced(item, change)
        for key, item in value.items()
    }
