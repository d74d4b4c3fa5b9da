"""The arguments of a part: a YAML's settings, bound to its constructor's parameters and typed by their annotations."""

import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from distillrun.config.protocols import PROTOCOLS, members
from distillrun.errors import ConfigError

Build = Callable[[Any, str, str], Any]
"""Builds a part from its config, its group and its key."""


def bound(kind: type, given: dict[str, Any], key: str, option: str, build: Build) -> dict[str, Any]:
    """Return the arguments as the constructor's annotations want them.

    Args:
        kind: the class to construct.
        given: the settings.
        key: where they stand in the config.
        option: what they are settings of, for messages.
        build: makes the parts that stand inside this one.

    Raises:
        ConfigError: naming every wrong key.
    """
    parameters = inspect.signature(kind).parameters
    settings = ", ".join(parameters) or "none"
    problems, suggested = [], set()
    for name in [name for name in given if name not in parameters]:
        close = get_close_matches(name, parameters, n=1, cutoff=0.5)
        suggested.update(close)
        hint = f" (did you mean {key}.{close[0]}?)" if close else ""
        problems.append(f"{key}.{name} is not a setting of {option}{hint}; its settings: {settings}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in given and name not in suggested:
            problems.append(f"{key}.{name} is missing, and {option} has no default for it; add {key}.{name}=...")
    if problems:
        raise ConfigError("\n".join(problems))
    hints = typing.get_type_hints(kind.__init__)  # type: ignore[misc]
    return {name: _argument(value, hints.get(name, Any), f"{key}.{name}", build) for name, value in given.items()}


def _argument(value: Any, hint: Any, key: str, build: Build) -> Any:
    """Return a YAML value as the annotated type; where that is a part of some group, the part that it describes."""
    if typing.get_origin(hint) is Mapping:
        _, inner = typing.get_args(hint)
        if _group_of(inner) and isinstance(value, Mapping):
            return {name: _argument(node, inner, f"{key}.{name}", build) for name, node in value.items()}
    group = _group_of(hint)
    if group is None:
        return _typed(value, hint, key)
    if value is None and type(None) in typing.get_args(hint):
        return None
    made = build(value, group, key)
    if inspect.isclass(hint) and not isinstance(made, hint):
        raise ConfigError(f"{key} must be a {hint.__name__}, not a {type(made).__name__}")
    return made


def _group_of(hint: Any) -> str | None:
    """Return the config group whose parts an annotation asks for; None where it asks for plain values."""
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    for kind in typing.get_args(hint) if is_union else (hint,):
        for group, protocols in PROTOCOLS.items():
            if kind in protocols or (inspect.isclass(kind) and _is_part(kind, group)):
                return group
    return None


def _is_part(kind: type, group: str) -> bool:
    return kind.__module__.startswith(f"distillrun.{group}.") and any(
        members(protocol) <= {*dir(kind), *kind.__annotations__} for protocol in PROTOCOLS[group]
    )


def _typed(value: Any, hint: Any, key: str) -> Any:
    """Return a YAML value as the annotated type: lists become tuples, integers floats, nothing else is guessed."""
    try:
        adapter = TypeAdapter(hint)
    except PydanticSchemaGenerationError:
        return value
    try:
        return adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        reasons = []
        for problem in error.errors():
            where = ".".join([key, *map(str, problem["loc"])])
            shown = json.dumps(problem["input"], ensure_ascii=False, default=str)
            reasons.append(f"{where}={shown:.300}: {problem['msg']}{_example(hint, key, problem['type'])}")
        raise ConfigError("; ".join(dict.fromkeys(reasons))) from error


def _example(hint: Any, key: str, reason: str) -> str:
    """Return how settings in braces are written, where something else was given; nothing for other reasons."""
    kind = next((one for one in (hint, *typing.get_args(hint)) if inspect.isclass(one) and is_dataclass(one)), None)
    if kind is None or reason != "dataclass_type":
        return ""
    return f"; write '{key}={{{', '.join(f'{field.name}: ...' for field in fields(kind))}}}'"
