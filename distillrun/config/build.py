"""The construction of checked objects from YAML leaves. There is no registry: `_target_` names a class of a group.

A leaf's keys are bound and typed against the constructor before anything is constructed, and the object must keep its
group's protocol.
"""

import inspect
import json
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import PydanticSchemaGenerationError, TypeAdapter, ValidationError

from distillrun.config.settings import Config
from distillrun.config.target import find_class
from distillrun.errors import ConfigError
from distillrun.interfaces import (
    AnyTeacher,
    EnsembleTeacher,
    GenerationStep,
    Metric,
    RecordedTeacher,
    Scorer,
    Student,
    StudentObjective,
    Task,
    Teacher,
    TextObjective,
    Tracker,
)

PROTOCOLS: Mapping[str, tuple[type, ...]] = {
    "task": (Task,),
    "teacher": (Teacher, RecordedTeacher, EnsembleTeacher),
    "generation": (GenerationStep,),
    "student": (Student,),
    "objective": (StudentObjective, TextObjective),
    "evaluation": (Scorer, Metric),
    "tracking": (Tracker,),
}
"""What the objects of each config group can do; they keep one of the protocols."""

LISTED = frozenset({"generation", "evaluation"})
"""The groups of which several options are chosen at once."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a config swaps. Steps, scorers and metrics keep the config's names and order.

    `logit_teacher` is the one whose distributions an objective may read: the run's teacher, unless another was chosen.
    """

    task: Task
    teacher: AnyTeacher
    logit_teacher: AnyTeacher
    steps: Mapping[str, GenerationStep]
    student: Student
    objective: StudentObjective
    evaluators: Mapping[str, Scorer]
    measures: Mapping[str, Metric]
    tracker: Tracker


def build_parts(config: Config, known: dict[str, Any] | None = None) -> Parts:
    """Return all parts of a run. Raises ConfigError that lists what is wrong in every leaf at once.

    Args:
        config: of the run.
        known: parts of other runs, by what they were built from; it is given those of this one.
    """
    allowed = config.runtime.allow_targets
    singles = ("task", "teacher", "student", "objective", "tracking")
    leaves = {key: (getattr(config, key), key) for key in singles}
    if config.logit_teacher is not None:
        leaves["logit_teacher"] = (config.logit_teacher, "teacher")
    leaves |= {f"generation.steps.{name}": (node, "generation") for name, node in config.generation.steps.items()}
    leaves |= {f"evaluation.{name}": (node, "evaluation") for name, node in config.evaluators.items()}
    made: dict[str, Any] = {}
    problems = []
    for key, (node, group) in leaves.items():
        source = json.dumps([key, node, list(allowed)])
        try:
            made[key] = known[source] if known and source in known else build(node, group, allowed, key)
            if known is not None:
                known[source] = made[key]
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    judged = {name: made[f"evaluation.{name}"] for name in config.evaluators}
    return Parts(
        task=made["task"],
        teacher=made["teacher"],
        logit_teacher=made.get("logit_teacher", made["teacher"]),
        steps={name: made[f"generation.steps.{name}"] for name in config.generation.steps},
        student=made["student"],
        objective=made["objective"],
        evaluators={name: part for name, part in judged.items() if isinstance(part, Scorer)},
        measures={name: part for name, part in judged.items() if isinstance(part, Metric)},
        tracker=made["tracking"],
    )


def build(node: Mapping[str, Any], group: str, allowed: Sequence[str] = (), key: str | None = None) -> Any:
    """Return the object that a leaf describes.

    Args:
        node: `_target_` and the constructor's arguments, as plain values.
        group: the config group, one of `PROTOCOLS`; decides whose classes `_target_` may name and the protocol to keep.
        allowed: prefixes of other modules that the user permits by name on the command line.
        key: where the leaf stands in the config, for messages; the group's name if None.

    Raises:
        ConfigError: naming the key, and the nearest right one.
    """
    key = key or group
    if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
        raise ConfigError(_without_target(node, group, key))
    target: str = node["_target_"]
    kind = find_class(target, group, allowed, key)
    given = {name: value for name, value in node.items() if name != "_target_"}
    arguments = _bind(kind, given, allowed, key, option=kind.__module__.rpartition(".")[2])
    try:
        made = kind(**arguments)
    except ValueError as error:
        message = str(error)
        raise ConfigError(message if message.startswith((f"{key}.", f"{key}=")) else f"{key}: {message}") from error
    absent = _absent(made, group)
    if absent:
        raise ConfigError(f"{key}: {target} cannot be used as {group}; missing: {', '.join(absent)}")
    return made


def members(protocol: type) -> set[str]:
    """Return the names that an object must have to keep a protocol."""
    names = {name for base in protocol.__mro__[:-1] for name in {**vars(base), **vars(base).get("__annotations__", {})}}
    return {name for name in names if not name.startswith("_")}


def _bind(kind: type, given: dict[str, Any], allowed: Sequence[str], key: str, option: str) -> dict[str, Any]:
    """Return the arguments as the constructor's annotations want them. Raises ConfigError naming every wrong key."""
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
    return {name: _argument(value, hints.get(name, Any), allowed, f"{key}.{name}") for name, value in given.items()}


def _argument(value: Any, hint: Any, allowed: Sequence[str], key: str) -> Any:
    """Return a YAML value as the annotated type; where that is a part of some group, the part that a leaf describes."""
    if typing.get_origin(hint) is Mapping:
        _, inner = typing.get_args(hint)
        if _group_of(inner) and isinstance(value, Mapping):
            return {name: _argument(node, inner, allowed, f"{key}.{name}") for name, node in value.items()}
    group = _group_of(hint)
    if group is None:
        return _typed(value, hint, key)
    if value is None and type(None) in typing.get_args(hint):
        return None
    made = build(value, group, allowed, key)
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


def _without_target(node: object, group: str, key: str) -> str:
    """Return why a leaf cannot be built: often settings of an option that is not on the list of those chosen."""
    name = key.rpartition(".")[2]
    if not isinstance(node, Mapping) or not node or group not in LISTED:
        return f"{key} has no _target_, the class to build; choose an option, such as {group}=NAME"
    return (
        f"{key}.{next(iter(node))} is set, on the command line or in an experiment file, but {name} was not chosen; "
        f"add it: {group}=[...,{name}]"
    )


def _absent(made: object, group: str) -> list[str]:
    """Return the members that an object is missing to be one of the group's, by the nearest protocol."""
    gaps = []
    for protocol in PROTOCOLS[group]:
        if isinstance(made, protocol):
            return []
        gaps.append(sorted(name for name in members(protocol) if not hasattr(made, name)))
    return min(gaps, key=len)
