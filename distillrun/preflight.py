"""Checks across parts, all reported at once, before any cost."""

from collections.abc import Iterable, Iterator, Mapping

from distillrun.build import Parts
from distillrun.config import Config
from distillrun.errors import ConfigError
from distillrun.interfaces import GenerationStep, RecordedTeacher
from distillrun.records import Example, Json, TargetPair
from distillrun.runtime import pick_device
from distillrun.schema import Until
from distillrun.stages.generate import chosen_steps, makes_of


def preflight(config: Config, parts: Parts) -> None:
    """Raise a ConfigError that lists everything that would fail later."""
    problems = list(parts.task.check())
    if needs_teacher(config, parts):
        problems += parts.teacher.check(parts.task)
        problems += _generation_problems(config, parts)
    if config.until not in (Until.load, Until.generate):
        problems += parts.student.check()
        try:
            pick_device(config.runtime.device)
        except ConfigError as error:
            problems.append(str(error))
    if not parts.evaluators and config.until in (Until.evaluate, Until.report):
        problems.append("evaluation is empty; choose at least one, such as evaluation=generated_answer")
    if problems:
        raise ConfigError("\n".join(problems))


def check_lengths(config: Config, parts: Parts, examples: Iterable[Example]) -> None:
    """Raise a ConfigError if a question or an answer is too long for the student, which may cut neither."""
    if config.until in (Until.load, Until.generate):
        return
    problems = parts.student.check_texts(pair for example in examples for pair in _asked(example, parts))
    if problems:
        raise ConfigError("\n".join(problems))


def _asked(example: Example, parts: Parts) -> Iterator[TargetPair]:
    """Yield what a student is asked at test time, with the longest answer."""
    query = parts.objective.query(example, parts.task)
    longest = max(range(len(example.choices)), key=lambda choice: len(example.choices[choice]))
    yield TargetPair(query.answer, parts.objective.continuation(example, longest, parts.task, ""), "check")
    if query.explain is not None:
        yield TargetPair(query.explain, (), "check")


def wanted_kinds(config: Config, parts: Parts) -> frozenset[str]:
    """Return what the teacher has to give: what the objective learns from, or all of it where generation is the end."""
    if config.until is Until.generate:
        return frozenset(kind for step in parts.steps.values() for kind in makes_of(step, parts.teacher))
    return parts.objective.needs


def needs_teacher(config: Config, parts: Parts) -> bool:
    """Return whether the run uses the teacher at all."""
    return config.until is not Until.load and bool(wanted_kinds(config, parts))


def _generation_problems(config: Config, parts: Parts) -> list[str]:
    """Return what the objective needs and no step makes, what a step needs, and steps that the teacher cannot do."""
    option = {group: _written(config.selected.get(group)) for group in ("objective", "generation", "teacher")}
    recorded = isinstance(parts.teacher, RecordedTeacher)
    for name, step in parts.steps.items():
        if recorded and step.makes:
            return [
                f"teacher={option['teacher']} replays recordings and can be asked nothing new, but the generation step "
                f"{name} asks it; choose generation=recorded"
            ]
        if not recorded and not step.makes:
            return [
                f"generation=recorded replays recordings, but teacher={option['teacher']} has none; choose "
                "teacher=recorded teacher.folder=DIR, or generation=everything"
            ]
    made = {kind for step in parts.steps.values() for kind in makes_of(step, parts.teacher)}
    wanted = wanted_kinds(config, parts)
    chosen = chosen_steps(parts.steps, parts.teacher, wanted)
    needs = {f"objective={option['objective']}": wanted}
    needs |= {f"generation step {name}": step.needs for name, step in chosen.items()}
    cure = "add fields for them to teacher.fields" if recorded else "choose generation=everything"
    lacking = [
        f"{who} needs {kind} rationales, but generation={option['generation']} makes "
        f"{'only ' + ', '.join(sorted(made)) if made else 'none'}; {cure}"
        for who, kinds in needs.items()
        for kind in sorted(kinds - made)
    ]
    return lacking + _order_problems(chosen, parts)


def _order_problems(chosen: Mapping[str, GenerationStep], parts: Parts) -> list[str]:
    """Return which of the chosen steps need what only a later step makes."""
    problems = []
    makes = {name: makes_of(step, parts.teacher) for name, step in parts.steps.items()}
    for place, name in enumerate(parts.steps):
        earlier, later = list(makes)[:place], list(makes)[place + 1 :]
        for kind in sorted(chosen[name].needs if name in chosen else ()):
            makers = [other for other in later if kind in makes[other]]
            if makers and not any(kind in makes[other] for other in earlier):
                problems.append(
                    f"generation step {name} needs {kind} rationales, which {' and '.join(makers)} makes after it; "
                    f"in generation=[...], put {makers[0]} before {name}"
                )
    return problems


def _written(option: Json) -> str:
    """Return what was chosen of a config group as the command line takes it."""
    return f"[{','.join(map(str, option))}]" if isinstance(option, list) else str(option or "?")
