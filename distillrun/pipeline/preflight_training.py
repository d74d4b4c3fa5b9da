"""Checks of a training: the learning rate fits pretrained weights, and a warm start has texts to learn."""

import logging
from collections.abc import Mapping
from typing import Any

from distillrun.config.settings import Config
from distillrun.interfaces import ActiveObjective, PretrainedStudent, Student, StudentObjective

log = logging.getLogger("distillrun")

LARGE = 10_000_000
"""Weights of a pretrained student above which a high rate is refused: narrow models bear more."""

LOW_RATE = 1e-4
"""Below which fresh weights, or adapters, hardly move in a usual training."""


def rate_problems(config: Config, student: Student) -> list[str]:
    """Return why the learning rate would destroy what a student was pretrained on; warn of one that is too low."""
    training = config.training
    if not training.max_steps:
        return []
    rate, limit = training.learning_rate, training.pretrained_rate_limit
    preset = f"training={config.selected.get('training', '?')}"
    named = f"student={config.selected.get('student', '?')}"
    if not isinstance(student, PretrainedStudent) or not student.trains_all:
        adapted = "lora" if student.writes else "linear_probe"
        fitting = f"training={adapted if isinstance(student, PretrainedStudent) else 'quick'}"
        if rate < LOW_RATE:
            told = (
                "training.learning_rate=%g (%s) is for pretrained weights, and what learns of %s starts fresh; %s fits"
            )
            log.warning(told, rate, preset, named, fitting)
        return []
    weights = student.weights()
    if limit is None or rate <= limit or (weights is not None and weights < LARGE):
        return []
    return [
        f"training.learning_rate={rate:g} ({preset}) is for fresh weights, and would wipe out what {named} was "
        "pretrained on; choose training=finetune or training.learning_rate=3e-5, or training=lora with student.lora, "
        "or training.pretrained_rate_limit=null to train at that rate all the same"
    ]


def texts_of(objective: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the config of the text objective inside another one; None where it has none."""
    if isinstance(objective.get("texts"), Mapping):
        return dict(objective["texts"])
    inner = objective.get("divergence")
    return texts_of(inner) if isinstance(inner, Mapping) else None


def warm_start_problems(config: Config, objective: StudentObjective) -> list[str]:
    """Return why a first training on texts cannot be."""
    training = config.training
    if training.warm_start_steps and not training.max_steps:
        return [
            f"training.max_steps=0 trains nothing, and training.warm_start_steps={training.warm_start_steps} would "
            "come before it; set it to 0"
        ]
    if training.warm_start_learning_rate is not None and not training.warm_start_steps:
        return ["training.warm_start_learning_rate is read with training.warm_start_steps alone; set both, or neither"]
    if not training.warm_start_steps or (
        isinstance(objective, ActiveObjective) and texts_of(config.objective) is not None
    ):
        return []
    return [
        f"training.warm_start_steps={training.warm_start_steps} trains on the texts inside an objective, and "
        f"objective={config.selected.get('objective')} has none; set it to 0, or choose one such as minillm"
    ]
