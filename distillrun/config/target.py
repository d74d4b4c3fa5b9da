"""The fence around `_target_`: a leaf names a class of its own config group, and nothing else in Python."""

import importlib
import re
from collections.abc import Sequence
from types import ModuleType

from distillrun.errors import ConfigError, nearest


def find_class(target: str, group: str, allowed: Sequence[str] = (), key: str | None = None) -> type:
    """Return the class that a `_target_` names, if it stands inside the group's fence.

    A name that starts with an underscore, or that the module only imported from elsewhere, is outside.
    """
    key = key or group
    fence = [f"distillrun.{group}", *allowed]
    inside = [prefix for prefix in fence if target.startswith(f"{prefix}.")]
    if not inside or not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", target):
        raise ConfigError(
            f"{key}._target_={target} is not allowed: it must be a class in {' or '.join(fence)}; for code of your own,"
            " permit its module on the command line: runtime.allow_targets=[my_module]"
        )
    module_name, _, name = target.rpartition(".")
    classes = {
        name: value
        for name, value in vars(_module(module_name, target, key)).items()
        if isinstance(value, type) and any(f"{value.__module__}.".startswith(f"{prefix}.") for prefix in inside)
    }
    if name not in classes:
        raise ConfigError(f"{key}._target_={target}: {module_name} defines no class {name}{nearest(name, classes)}")
    return classes[name]


def _module(name: str, target: str, key: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there, but something that it needs is not
        raise ConfigError(f"{key}._target_={target}: there is no module {error.name}") from error
