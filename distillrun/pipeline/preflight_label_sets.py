"""The checks of a run whose texts have several labels each: every part must know that, before anything costs."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from distillrun.config.build import Parts
from distillrun.config.schema import Until
from distillrun.config.settings import Config
from distillrun.interfaces import LabelStudent, has_label_sets
from distillrun.pipeline.preflight_generation import run_steps, written

_CURES = {
    "objective": "objective=label_only, or label_shares with generation=label_sets",
    "generation": "generation=label_sets",
    "evaluation": "evaluation=[label_sets,multi_label]",
}


@runtime_checkable
class LabelSetPart(Protocol):
    """A part that works where texts have several labels each: there alone ("only"), or elsewhere, too ("also")."""

    label_sets: str


def label_set_problems(config: Config, parts: Parts) -> list[str]:
    """Return which parts take a text to have one label where it has several, or several where it has one."""
    own = _own(config, parts)
    if not has_label_sets(parts.task):
        return [
            f"{shown} learns from texts that have several labels each (task.multi_label=true), and those of "
            f"task={written(config.selected.get('task'))} have one; choose another"
            for shown, (part, _) in own.items()
            if isinstance(part, LabelSetPart) and part.label_sets == "only"
        ]
    problems = [
        f"{shown} expects one label for each text, and task.multi_label=true gives several; choose {_CURES[group]}"
        for shown, (part, group) in own.items()
        if not isinstance(part, LabelSetPart)
    ]
    if config.until not in (Until.load, Until.generate) and not isinstance(parts.student, LabelStudent):
        problems.append(
            f"task.multi_label=true needs a student with an output for each label, which student="
            f"{written(config.selected.get('student'))} does not have; choose student=text_classifier"
        )
    if config.baselines and config.until in (Until.evaluate, Until.report):
        problems.append(
            "evaluation.baselines=true compares answers of one label, and task.multi_label=true gives a text several; "
            "set evaluation.baselines=false (evaluation=[label_sets,multi_label] has a baseline of its own)"
        )
    return problems


def _own(config: Config, parts: Parts) -> Mapping[str, tuple[object, str]]:
    """Return the parts that a run uses by how the command line names them, each with its config group."""
    found: dict[str, tuple[object, str]] = {}
    if config.until is not Until.load:
        found |= {f"generation step {name}": (step, "generation") for name, step in run_steps(config, parts).items()}
    if config.until not in (Until.load, Until.generate):
        found[f"objective={written(config.selected.get('objective'))}"] = parts.objective, "objective"
    if config.until in (Until.evaluate, Until.report):
        judged = {**parts.evaluators, **parts.measures}
        found |= {f"evaluation.{name}": (part, "evaluation") for name, part in judged.items()}
    return found
