"""The guard of `_target_`: a config names a class of its own config group, and nothing else in Python."""

import importlib
import re
from collections.abc import Sequence
from types import ModuleType

from distillrun.errors import ConfigError, nearest
from distillrun.names.parts import modules_of, name_of


def find_class(target: str, group: str, allowed: Sequence[str] = (), key: str | None = None) -> type:
    """Return the class that a `_target_` names, if it stands inside the group's fence.

    `group/Name` is a class that a module of the group defines; a dotted path, one of a module that the user permits. A
    name that starts with an underscore, or that the module only imported from elsewhere, is outside.
    """
    key = key or group
    if re.fullmatch(rf"{group}/[A-Za-z]\w*", target):
        name = target.partition("/")[2]
        module = _defining(name, group, f"{key}._target_={target}")
        inside = [module]
    else:
        module, _, name = target.rpartition(".")
        inside = [prefix for prefix in allowed if target.startswith(f"{prefix}.")]
        if not inside or not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", target):
            raise ConfigError(_outside(target, group, allowed, key))
    classes = {
        name: value
        for name, value in vars(_module(module, target, key)).items()
        if isinstance(value, type) and any(f"{value.__module__}.".startswith(f"{prefix}.") for prefix in inside)
    }
    if name not in classes:
        raise ConfigError(f"{key}._target_={target}: {module} defines no class {name}{nearest(name, classes)}")
    return classes[name]


def _defining(name: str, group: str, given: str) -> str:
    """Return the one module of a group that defines a class."""
    modules = modules_of(group).get(name, ())
    if len(modules) > 1:
        raise ConfigError(f"{given}: {' and '.join(modules)} both define a class {name}; rename one of them")
    if not modules:
        raise ConfigError(f"{given}: distillrun/{group} defines no class {name}{nearest(name, modules_of(group))}")
    return modules[0]


def _outside(target: str, group: str, allowed: Sequence[str], key: str) -> str:
    meant = f" (did you mean {name_of(target)!r}?)" if name_of(target).startswith(f"{group}/") else ""
    permitted = f", or one in {' or '.join(allowed)}" if allowed else ""
    return (
        f"{key}._target_={target} is not allowed{meant}: it must be {group}/Name, a class of distillrun/{group}"
        f"{permitted}; for code of your own, permit its module on the command line: runtime.allow_targets=[my_module]"
    )


def _module(name: str, target: str, key: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there, but something that it needs is not
        raise ConfigError(f"{key}._target_={target}: there is no module {error.name}") from error
