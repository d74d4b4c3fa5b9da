"""A guessed task, built and read as a run would."""

from collections.abc import Mapping
from typing import Any, get_args

from omegaconf import OmegaConf

from distillrun.config.build import build
from distillrun.config.compose import compose_first
from distillrun.errors import ConfigError, nearest
from distillrun.intake.guessed import Guess
from distillrun.interfaces import Task
from distillrun.records import Example, Split
from distillrun.upstream import parsed_overrides


def checked(guess: Guess) -> tuple[Task, dict[Split, list[Example]], float]:
    """Return the task, its examples, and the likeness from which it calls two questions nearly the same.

    Raises:
        ConfigError: the files cannot be read so.
    """
    scorer = [] if guess.scorer is None else [f"scorer@task.scorer={guess.scorer}"]
    leaf: Any = OmegaConf.to_container(compose_first([f"task={guess.kind}", *scorer]).task, resolve=False)
    for key, value in guess.settings.items():
        leaf[key] = {**leaf[key], **value} if isinstance(value, Mapping) else value
    task: Task = build(leaf, "task")
    if problems := task.check():
        raise ConfigError("\n".join(problems))
    return task, {split: task.examples(split) for split in get_args(Split)}, float(leaf["overlap_threshold"])


def setting_of(word: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the setting that a word such as task.answer_form=number makes; sections keep their other keys."""
    (override,) = parsed_overrides([word])
    first, *rest = str(override.key_or_group).removeprefix("task.").split(".")
    if override.is_sweep_override():
        raise ConfigError(f"{word}: several values are a sweep; give one")
    if not rest:
        return {first: override.value()}
    if len(rest) > 1 or first not in ("fields", "files"):
        raise ConfigError(f"{word} is not a setting of a task{nearest(first, ('fields', 'files'))}")
    return {first: {**settings.get(first, {}), rest[0]: override.value()}}
