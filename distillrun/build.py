"""From a YAML leaf to a checked object. There is no registry: the file system and a fenced `_target_` are one.

A leaf may only name a class of its own group, its keys are bound and typed against the constructor before anything is
constructed, and the object must keep its group's protocol.
"""

import importlib
import inspect
import json
import re
import typing
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from distillrun.errors import ConfigError, nearest

GROUPS = ("task", "teacher", "generation", "student", "objective", "evaluation", "tracking")


def build(node: Mapping[str, Any], group: str, allowed: Sequence[str] = (), key: str | None = None) -> Any:
    """Return the object that a leaf describes.

    Args:
        node: `_target_` and the constructor's arguments, as plain values.
        group: the config group, one of `GROUPS`; decides where `_target_` may point and the protocol to keep.
        allowed: module prefixes besides `distillrun.<group>` that the user permits by name on the command line.
        key: where the leaf stands in the config, for messages; the group's name if None.

    Raises:
        ConfigError: naming the key, and the nearest right one.
    """
    key = key or group
    if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
        raise ConfigError(f"{key} has no _target_, the class to build; choose an option, such as {group}=NAME")
    target: str = node["_target_"]
    kind = find_class(target, group, allowed, key)
    given = {name: value for name, value in node.items() if name != "_target_"}
    arguments = _bind(kind, given, key, option=target.split(".")[-2])
    try:
        made = kind(**arguments)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error
    lacking = _lacking(made, group)
    if lacking:
        raise ConfigError(f"{key}: {target} cannot be used as {group}; it lacks {', '.join(lacking)}")
    return made


def find_class(target: str, group: str, allowed: Sequence[str] = (), key: str | None = None) -> type:
    """Return the class that a `_target_` names, if it stands inside the group's fence.

    A name that starts with an underscore, or that the module only imported from elsewhere, is outside.
    """
    key = key or group
    fence = [f"distillrun.{group}", *allowed]
    where = " or ".join(f"{prefix}." for prefix in fence)
    inside = [prefix for prefix in fence if target.startswith(f"{prefix}.")]
    if not inside or not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", target):
        raise ConfigError(
            f"{key}._target_={target} is not allowed: it must be a class in {where}*; for code of your own,"
            " permit its module on the command line: runtime.allow_targets=[my_module]"
        )
    module_name, _, name = target.rpartition(".")
    kind = getattr(_module(module_name, target, key), name, None)
    if not isinstance(kind, type) or not any(f"{kind.__module__}.".startswith(f"{prefix}.") for prefix in inside):
        classes = [n for n, c in vars(_module(module_name, target, key)).items() if isinstance(c, type)]
        raise ConfigError(f"{key}._target_={target}: {module_name} defines no class {name}{nearest(name, classes)}")
    return kind


def protocols(group: str) -> tuple[type, ...]:
    """Return the protocols of a group; its objects keep one of them."""
    from distillrun import interfaces  # imports torch

    return {
        "task": (interfaces.Task,),
        "teacher": (interfaces.Teacher, interfaces.RecordedTeacher),
        "generation": (interfaces.GenerationStep,),
        "student": (interfaces.Student,),
        "objective": (interfaces.StudentObjective,),
        "evaluation": (interfaces.Evaluator,),
        "tracking": (interfaces.Tracker,),
    }[group]


def members(protocol: type) -> set[str]:
    """Return the names that an object must have to keep a protocol."""
    names = {name for base in protocol.__mro__[:-1] for name in {**vars(base), **vars(base).get("__annotations__", {})}}
    return {name for name in names if not name.startswith("_")}


def _module(name: str, target: str, key: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there, but something that it needs is not
        raise ConfigError(f"{key}._target_={target}: there is no module {error.name}") from error


def _bind(kind: type, given: dict[str, Any], key: str, option: str) -> dict[str, Any]:
    """Return the arguments as the constructor's annotations want them. Raises ConfigError naming every wrong key."""
    parameters = inspect.signature(kind).parameters
    settings = ", ".join(parameters) or "none"
    problems = []
    for name in [name for name in given if name not in parameters]:
        close = get_close_matches(name, parameters, n=1, cutoff=0.5)
        hint = f" (did you mean {key}.{close[0]}?)" if close else ""
        problems.append(f"{key}.{name} is not a setting of {option}{hint}; its settings: {settings}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in given:
            problems.append(f"{key}.{name} is missing, and {option} has no default for it; add {key}.{name}=...")
    if problems:
        raise ConfigError("\n".join(problems))
    hints = typing.get_type_hints(kind.__init__)  # type: ignore[misc]
    return {name: _typed(value, hints.get(name, Any), f"{key}.{name}") for name, value in given.items()}


def _typed(value: Any, hint: Any, key: str) -> Any:
    """Return a YAML value as the annotated type: lists become tuples, integers floats, nothing else is guessed."""
    from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

    try:
        adapter = TypeAdapter(hint)
    except PydanticSchemaGenerationError:
        return value
    try:
        return adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        reasons = "; ".join(dict.fromkeys(problem["msg"] for problem in error.errors()))
        raise ConfigError(f"{key}={json.dumps(value, ensure_ascii=False)}: {reasons}") from error


def _lacking(made: object, group: str) -> list[str]:
    """Return what keeps an object from being one of the group's, by the protocol that it comes nearest to."""
    gaps = []
    for protocol in protocols(group):
        if isinstance(made, protocol):
            return []
        gaps.append(sorted(name for name in members(protocol) if not hasattr(made, name)))
    return min(gaps, key=len)
