"""The construction of parts from their configs. There is no registry: `_target_` names a class of a group.

The keys of a config are bound and typed against the constructor before anything is constructed, and the object must
keep its group's protocol.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distillrun.config.arguments import bound
from distillrun.config.protocols import LISTED, missing_members
from distillrun.config.settings import Config
from distillrun.config.target import find_class
from distillrun.errors import ConfigError
from distillrun.interfaces import (
    AnyTeacher,
    GenerationStep,
    Metric,
    Scorer,
    Student,
    StudentObjective,
    Task,
    Tracker,
)


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
    """Return all parts of a run. Raises ConfigError that lists what is wrong with any of them at once.

    Args:
        config: of the run.
        known: parts of other runs, by what they were built from; it is given those of this one.
    """
    allowed = config.runtime.allow_targets
    singles = ("task", "teacher", "student", "objective", "tracking")
    nodes = {key: (getattr(config, key), key) for key in singles}
    if config.logit_teacher is not None:
        nodes["logit_teacher"] = (config.logit_teacher, "teacher")
    nodes |= {f"generation.steps.{name}": (node, "generation") for name, node in config.generation.steps.items()}
    nodes |= {f"evaluation.{name}": (node, "evaluation") for name, node in config.evaluators.items()}
    made: dict[str, Any] = {}
    problems = []
    for key, (node, group) in nodes.items():
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
    """Return the part that a config describes.

    Args:
        node: `_target_` and the constructor's arguments, as plain values.
        group: the config group, one of `PROTOCOLS`; decides whose classes `_target_` may name and the protocol to keep.
        allowed: prefixes of other modules that the user permits by name on the command line.
        key: where that stands in the whole config, for messages; the group's name if None.

    Raises:
        ConfigError: naming the key, and the nearest right one.
    """
    key = key or group
    if not isinstance(node, Mapping) or not isinstance(node.get("_target_"), str):
        raise ConfigError(_without_target(node, group, key))
    target: str = node["_target_"]
    kind = find_class(target, group, allowed, key)
    given = {name: value for name, value in node.items() if name != "_target_"}
    option = kind.__module__.rpartition(".")[2]
    arguments = bound(kind, given, key, option, lambda node, group, key: build(node, group, allowed, key))
    try:
        made = kind(**arguments)
    except ValueError as error:
        message = str(error)
        raise ConfigError(message if message.startswith((f"{key}.", f"{key}=")) else f"{key}: {message}") from error
    absent = missing_members(made, group)
    if absent:
        raise ConfigError(f"{key}: {target} cannot be used as {group}; missing: {', '.join(absent)}")
    return made


def _without_target(node: object, group: str, key: str) -> str:
    """Return why a config cannot be built: often settings of an option that is not on the list of those chosen."""
    name = key.rpartition(".")[2]
    if not isinstance(node, Mapping) or not node or group not in LISTED:
        return f"{key} has no _target_, the class to build; choose an option, such as {group}=NAME"
    return (
        f"{key}.{next(iter(node))} is set, on the command line or in an experiment file, but {name} was not chosen; "
        f"add it: {group}=[...,{name}]"
    )
