"""Checks of a task in free form: parts that need choices are refused before anything is asked."""

from collections.abc import Iterator, Mapping
from typing import Any

from distillrun.config.build import Parts
from distillrun.config.schema import Until
from distillrun.config.settings import Config
from distillrun.config.target import find_class
from distillrun.evaluation.extraction import Extraction
from distillrun.interfaces import FreeFormTask
from distillrun.interfaces.choices import choices_only
from distillrun.names.parts import targets_in
from distillrun.pipeline.preflight_generation import run_steps, written
from distillrun.scorer.json_fields import JsonFields


def free_form_problems(config: Config, parts: Parts) -> list[str]:
    """Return which parts of the run need choices, though the task's questions have none."""
    if not isinstance(parts.task, FreeFormTask):
        return []
    task = written(config.selected.get("task"))
    problems = [
        f"{key}={target} needs choices, and the questions of task={task} have none: {why}"
        for group, key, node in _used(config, parts)
        for _, target in targets_in(node, key)
        if (why := choices_only(find_class(target, _group(target, group), config.runtime.allow_targets))) is not None
    ]
    for name in run_steps(config, parts):
        problems += _shown_problems(name, config.generation.steps[name], task)
    problems += _unusable(config, parts, parts.task, task)
    return list(dict.fromkeys(problems))


def _unusable(config: Config, parts: Parts, free: FreeFormTask, task: str) -> Iterator[str]:
    """Yield the settings of steps that look at choices, and what needs the scores of choices."""
    for name, step in run_steps(config, parts).items():
        node: Mapping[str, Any] = config.generation.steps[name]
        if "choice_scores" in step.needs:
            yield f"generation step {name} needs scores of choices, and the questions of task={task} have none"
        if (node.get("rules") or {}).get("names_other"):
            yield f"generation.steps.{name}.rules.names_other looks for choices; set it to false for task={task}"
    if not isinstance(free.scorer, JsonFields):
        for name, measure in parts.measures.items():
            if isinstance(measure, Extraction):
                yield (
                    f"evaluation.{name} looks at the fields of JSON answers; take scorer@task.scorer=json_fields, or "
                    "leave it out"
                )
    if "choice_scores" in parts.objective.needs:
        yield f"the objective needs scores of choices, and the questions of task={task} have none"


def _used(config: Config, parts: Parts) -> Iterator[tuple[str, str, object]]:
    """Yield group, key and settings of the parts that the run uses."""
    if config.until is not Until.load:
        yield "teacher", "teacher", config.teacher
        for name in run_steps(config, parts):
            yield "generation", f"generation.steps.{name}", config.generation.steps[name]
    if config.until in (Until.load, Until.generate):
        return
    yield "objective", "objective", config.objective
    yield "student", "student", config.student
    if config.until in (Until.evaluate, Until.report):
        for name, node in config.evaluators.items():
            yield "evaluation", f"evaluation.{name}", node


def _group(target: str, default: str) -> str:
    """Return the group of a part, which may stand inside one of another group."""
    return target.partition("/")[0] if "/" in target else default


def _shown_problems(name: str, step: object, task: str) -> Iterator[str]:
    """Yield where a step shows solved questions with choices before one that has none."""
    found: Mapping[str, Any] = step if isinstance(step, Mapping) else {}
    prompt: Mapping[str, Any] = found.get("prompt") or {}
    shown = (prompt.get("demonstrations") or ())[: prompt.get("demos") or 0]
    if any(one.get("choices") for one in (*shown, *(found.get("shown") or ()))):
        yield (
            f"generation.steps.{name} shows solved questions with choices, and the questions of task={task} have none; "
            f"take others (text@generation.steps.{name}.prompt=word_problems, or demonstrations of your own without "
            f"choices), or show none (generation.steps.{name}.prompt.demos=0), and look at its instruction"
        )
