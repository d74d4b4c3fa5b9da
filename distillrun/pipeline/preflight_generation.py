"""Checks of the teacher and the generation steps: what a run needs is made, in time, by a teacher who can."""

from collections.abc import Mapping

from distillrun.config.build import Parts
from distillrun.config.schema import Until
from distillrun.config.settings import Config
from distillrun.generation.shared.ability import ABILITIES
from distillrun.interfaces import (
    AnyTeacher,
    FreeFormTask,
    GenerationStep,
    RecordedTeacher,
    is_told_answers,
    label_source_of,
    members_of,
)
from distillrun.pipeline.stages.step_outputs import EXAMPLES, LABELS, chosen_steps, label_kind, makers, makes_of
from distillrun.records import WRONG_DECODES, Json

_CURES = {
    "label_shares": "choose generation=label_sets, with several samples",
    "answers": "put chain_of_thought or self_consistency before it in generation=[...]",
    "verdicts": "put self_evaluation before it in generation=[...]",
    WRONG_DECODES: "set generation=chain_of_thought generation.steps.chain_of_thought.wrong=keep",
}

_FREE_CURES = {
    "counterfactual": "set generation=chain_of_thought generation.steps.chain_of_thought.wrong=keep, or, for "
    "objective=preference, objective.pairs=sample",
}
"""Of questions without choices."""


def wanted_kinds(config: Config, parts: Parts) -> frozenset[str]:
    """Return what the teacher has to give: what the objective learns from, or all of it where generation is the end.

    Where the labels are its own, they are part of it. Nothing where nothing is trained.
    """
    if config.until is Until.generate:
        return frozenset(kind for step in parts.steps.values() for kind in makes_of(step, parts.teacher))
    if not config.training.max_steps:
        return frozenset()
    labels = () if is_labelled(parts) else {label_kind(parts.steps, parts.teacher)}
    return parts.objective.needs.union(labels)


def is_labelled(parts: Parts) -> bool:
    """Return whether every training question has an answer of its own."""
    return label_source_of(parts.task) == "gold"


def run_steps(config: Config, parts: Parts) -> dict[str, GenerationStep]:
    """Return the generation steps that a run takes for its training questions."""
    return chosen_steps(parts.steps, parts.teacher, wanted_kinds(config, parts), is_labelled(parts))


def needs_teacher(config: Config, parts: Parts) -> bool:
    """Return whether the run uses a teacher at all."""
    return config.until is not Until.load and bool(wanted_kinds(config, parts) or run_steps(config, parts))


def teacher_problems(config: Config, parts: Parts, chosen: Mapping[str, GenerationStep]) -> list[str]:
    """Return what is wrong with the teachers that are asked in these steps, and what is asked that they cannot do."""
    asks_the_runs = any(step.asks or not step.makes for step in chosen.values())
    problems = parts.teacher.check(parts.task) if asks_the_runs else []
    option = written(config.selected.get("teacher"))
    for name, step in chosen.items():
        for teacher in step.teachers:
            problems += [f"generation step {name}: {problem}" for problem in teacher.check(parts.task)]
        lacking = frozenset() if isinstance(parts.teacher, RecordedTeacher) else step.asks - abilities_of(parts.teacher)
        for absent in sorted(lacking):
            problems.append(
                f"generation step {name} needs a teacher that can {ABILITIES[absent]}, which teacher={option} "
                "cannot; choose teacher=local, or leave the step out"
            )
    return problems


def abilities_of(teacher: AnyTeacher) -> frozenset[str]:
    """Return what can be asked of a teacher; of an ensemble, what all of its members can do."""
    abilities = [member.can for member in members_of(teacher).values()]
    return frozenset.intersection(*abilities) if abilities else frozenset()


def generation_problems(config: Config, parts: Parts) -> list[str]:
    """Return what the objective needs and no step makes, what a step needs, and steps that the teacher cannot do."""
    option = {group: written(config.selected.get(group)) for group in ("objective", "generation", "teacher")}
    recorded = isinstance(parts.teacher, RecordedTeacher)
    for name, step in parts.steps.items():
        if recorded and step.asks:
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
    chosen = run_steps(config, parts)
    needs = {f"objective={option['objective']}": parts.objective.needs & wanted}
    needs |= {f"generation step {name}": step.needs for name, step in chosen.items()}
    cure = "add fields for them to teacher.fields" if recorded else "choose generation=everything"
    cures = _CURES | (_FREE_CURES if isinstance(parts.task, FreeFormTask) else {})
    absent = [
        f"{who} needs {called(kind)}, but generation={option['generation']} makes "
        f"{'only ' + ', '.join(sorted(made)) if made else 'none'}; {cures.get(kind, cure)}"
        for who, kinds in needs.items()
        for kind in sorted(kinds - made)
    ]
    return absent + _label_problems(chosen, parts) + _order_problems(chosen, parts)


def _label_problems(chosen: Mapping[str, GenerationStep], parts: Parts) -> list[str]:
    """Return where a label of the teacher's is wanted that it does not give, or not early enough."""
    if is_labelled(parts):
        return []
    source = f"task.label_source={label_source_of(parts.task)}"
    cure = "put self_consistency, chain_of_thought, label or choice_scores {where} in generation=[...]"
    if isinstance(parts.teacher, RecordedTeacher):
        cure = "give recordings that hold them, or a teacher that can be asked"
    if not makers(parts.steps, parts.teacher, LABELS):
        cure = cure.format(where="first")
        return [f"{source} takes labels from the teacher, and no generation step makes answers of its own; {cure}"]
    return [
        f"generation step {name} is told the right answers, which {source} takes from the teacher, and no step before "
        f"it asks for them; {cure.format(where=f'before {name}')}"
        for name, step in chosen.items()
        if is_told_answers(step) and not makers(parts.steps, parts.teacher, LABELS, before=name)
    ]


def called(kind: str) -> str:
    """Return what a kind is called in a sentence."""
    names = {"answers": "the teacher's own answers", "verdicts": "verdicts", WRONG_DECODES: WRONG_DECODES}
    return names.get(kind, f"{kind} rationales")


def _order_problems(chosen: Mapping[str, GenerationStep], parts: Parts) -> list[str]:
    """Return which steps need what only a later step makes, and which make what a later one puts something else for."""
    problems = []
    makes = {name: makes_of(step, parts.teacher) for name, step in parts.steps.items()}
    for place, name in enumerate(parts.steps):
        earlier, later = list(makes)[:place], list(makes)[place + 1 :]
        for kind in sorted(chosen[name].needs if name in chosen else ()):
            found = [other for other in later if kind in makes[other]]
            if found and not any(kind in makes[other] for other in earlier):
                problems.append(
                    f"generation step {name} needs {called(kind)}, which {' and '.join(found)} makes after it; "
                    f"in generation=[...], put {found[0]} before {name}"
                )
        if name in chosen or not later:
            continue
        for kind in sorted(makes[name] - {EXAMPLES}):
            winner = makers(parts.steps, parts.teacher, {kind})[kind]
            if winner in chosen and kind not in parts.steps[winner].needs:
                problems.append(
                    f"generation steps {name} and {winner} both make {kind}, and only the later one's would be used; "
                    "take one of them out of generation=[...]"
                )
                break
    return problems


def written(option: Json) -> str:
    """Return what was chosen of a config group as the command line takes it."""
    return f"[{','.join(map(str, option))}]" if isinstance(option, list) else str(option or "?")
