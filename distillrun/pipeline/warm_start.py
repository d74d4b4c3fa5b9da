"""A student's first training, on the texts of its objective alone, before an objective samples from it.

It is a training like any other, so runs and sweeps share it, also with a run whose objective are these texts.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from distillrun.config.build import build
from distillrun.interfaces import ActiveObjective, ChoiceModel, ContinuingStudent, Student
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.preflight_training import texts_of


def warm_start_of(experiment: Experiment) -> Experiment | None:
    """Return the run whose student the training starts from; None where it starts from the student itself."""
    config, parts = experiment.config, experiment.parts
    steps = config.training.warm_start_steps
    if not steps or not isinstance(parts.objective, ActiveObjective):
        return None
    option = texts_of(config.objective)
    if option is None:
        return None
    training = replace(
        config.training,
        max_steps=steps,
        warmup_steps=min(config.training.warmup_steps, steps // 2),
        learning_rate=config.training.warm_start_learning_rate or config.training.learning_rate,
        warm_start_steps=0,
        warm_start_learning_rate=None,
    )
    own = replace(config, objective=option, training=training)
    return Experiment(own, replace(parts, objective=build(option, "objective")), experiment.examples)


class Continued:
    """A student that begins where another training of it ended.

    Args:
        student: the kind.
        folder: of the trained one.
    """

    def __init__(self, student: Student, folder: Path) -> None:
        self._student = student
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._student, name)

    def build(self, seed: int) -> ChoiceModel:
        """Return the student as it was saved, ready to be trained on."""
        if isinstance(self._student, ContinuingStudent):
            return self._student.build_from(self._folder, seed)
        return self._student.load(self._folder)
