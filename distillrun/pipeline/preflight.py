"""Checks across parts, all reported at once, before any cost."""

from collections.abc import Iterable, Iterator, Mapping

from distillrun.config.build import Parts
from distillrun.config.schema import Until
from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.generation.shared.ability import ABILITIES
from distillrun.interfaces import (
    ActiveObjective,
    AnyTeacher,
    AskingMetric,
    ChoiceObjective,
    GenerationStep,
    RecordedTeacher,
    members_of,
    requirements_of,
)
from distillrun.pipeline.preflight_logits import logit_problems
from distillrun.pipeline.stages.step_outputs import EXAMPLES, chosen_steps, makers, makes_of
from distillrun.process.runtime import pick_device
from distillrun.records import WRONG_DECODES, Example, Json, TargetPair


def preflight(config: Config, parts: Parts) -> None:
    """Raise a ConfigError that lists everything that would fail later."""
    problems = list(parts.task.check())
    if needs_teacher(config, parts):
        problems += _teacher_problems(config, parts, wanted_kinds(config, parts))
        problems += _generation_problems(config, parts)
    if config.until not in (Until.load, Until.generate):
        own = parts.student.check()
        problems += [*own, *_student_problems(config, parts)]
        if not problems:
            chosen = "teacher" if config.logit_teacher is None else "teacher@logit_teacher"
            named, option = (f"{group}={_written(config.selected.get(group))}" for group in ("objective", chosen))
            problems += logit_problems(named, option, parts.objective, parts.logit_teacher, parts.student, parts.task)
        try:
            pick_device(config.runtime.device)
        except ConfigError as error:
            problems.append(str(error))
    if not parts.evaluators and config.until in (Until.evaluate, Until.report):
        problems.append("evaluation is empty; choose at least one, such as evaluation=generated_answer")
    if config.until in (Until.evaluate, Until.report):
        problems += _measure_problems(config, parts)
        if config.baselines:
            problems += _baseline_problems(config, parts)
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


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
    """Return whether the run uses a teacher at all."""
    wanted = wanted_kinds(config, parts)
    return config.until is not Until.load and bool(wanted or chosen_steps(parts.steps, parts.teacher, wanted))


def _teacher_problems(config: Config, parts: Parts, wanted: frozenset[str]) -> list[str]:
    """Return what is wrong with the teachers that are asked for these kinds, and what is asked that they cannot do."""
    chosen = chosen_steps(parts.steps, parts.teacher, wanted)
    asks_the_runs = any(step.asks or not step.makes for step in chosen.values())
    problems = parts.teacher.check(parts.task) if asks_the_runs else []
    option = _written(config.selected.get("teacher"))
    for name, step in chosen.items():
        for teacher in step.teachers:
            problems += [f"generation step {name}: {problem}" for problem in teacher.check(parts.task)]
        for absent in sorted(step.asks - _can(parts.teacher)) if not isinstance(parts.teacher, RecordedTeacher) else ():
            problems.append(
                f"generation step {name} needs a teacher that can {ABILITIES[absent]}, which teacher={option} "
                "cannot; choose teacher=local, or leave the step out"
            )
    return problems


def _student_problems(config: Config, parts: Parts) -> list[str]:
    """Return what is asked of a student that it cannot do: read with an encoder, or write."""
    problems = []
    student = f"student={_written(config.selected.get('student'))}"
    objective = parts.objective
    if config.training.learn_padding and (isinstance(objective, ActiveObjective) or not parts.student.writes):
        problems.append(
            "training.learn_padding=true fills up texts that are learnt from labels alone; choose an objective such as "
            "multitask and a student that writes, or training.learn_padding=false"
        )
    if requirements_of(objective).encoder and not parts.student.has_encoder:
        named = _written(config.selected.get("objective"))
        problems.append(
            f"objective={named} mixes what an encoder reads, and {student} has none; choose student=choice_scorer, "
            "or an encoder-decoder such as student=tiny_t5"
        )
    if parts.student.writes:
        return problems
    if not isinstance(objective, ChoiceObjective):
        named = _written(config.selected.get("objective"))
        problems.append(
            f"objective={named} trains on texts, and {student} writes none; choose objective=label_only, "
            "choice_distillation or mixkd, or a student that writes"
        )
    for name, evaluator in parts.evaluators.items():
        if evaluator.reads_texts:
            problems.append(
                f"evaluation.{name} reads texts, and {student} writes none; choose evaluation=[choice_likelihood]"
            )
    return problems


def _measure_problems(config: Config, parts: Parts) -> list[str]:
    """Return which measures look at what no evaluator predicts or no teacher gives."""
    problems = []
    for name, measure in parts.measures.items():
        if measure.of and measure.of not in parts.evaluators:
            problems.append(
                f"evaluation.{name}.of={measure.of} names no scoring rule of this run; choose "
                f"evaluation=[{measure.of},{name}]"
            )
        made = {kind for step in parts.steps.values() for kind in makes_of(step, parts.teacher)}
        problems += _teacher_problems(config, parts, measure.wants & made) if measure.wants else []
        for kind in sorted(measure.wants - made):
            problems.append(
                f"evaluation.{name} compares with {_called(kind)} of the teacher, which no step makes; choose "
                "generation=everything, or another reference"
            )
        if isinstance(measure, AskingMetric):
            problems += _judge_problems(name, measure, parts)
    return problems


def _baseline_problems(config: Config, parts: Parts) -> list[str]:
    """Return why a teacher cannot answer the test questions, as `evaluation.baselines=true` lets it."""
    asked = {"teacher": parts.teacher}
    if config.logit_teacher is not None:
        asked["logit_teacher"] = parts.logit_teacher
    problems = []
    for name, teacher in asked.items():
        if isinstance(teacher, RecordedTeacher):
            continue
        found = teacher.check(parts.task)
        if not found and not _can(teacher) & {"score", "complete"}:
            found = [f"it can neither {ABILITIES['score']} nor {ABILITIES['complete']}"]
        cure = f"; choose another {name}, or evaluation.baselines=false"
        problems += [f"evaluation.baselines=true asks {name} the test questions: {problem}{cure}" for problem in found]
    return problems


def _judge_problems(name: str, measure: AskingMetric, parts: Parts) -> list[str]:
    """Return what is wrong with the judges of a measure, and which measures it needs before it."""
    order = list(parts.measures)
    found = [
        f"it uses the results of {other}; choose evaluation=[...,{other},{name}]"
        for other in measure.after
        if other not in order[: order.index(name)]
    ]
    taught_by = {member.name for member in members_of(parts.teacher).values()}
    found += measure.check(taught_by)
    for judge, teacher in measure.judges.items():
        found += [f"judges.{judge}: {problem}" for problem in teacher.check(parts.task)]
    return [f"evaluation.{name}: {problem}" for problem in found]


def _can(teacher: AnyTeacher) -> frozenset[str]:
    """Return what can be asked of a teacher; of an ensemble, what all of its members can do."""
    abilities = [member.can for member in members_of(teacher).values()]
    return frozenset.intersection(*abilities) if abilities else frozenset()


def _generation_problems(config: Config, parts: Parts) -> list[str]:
    """Return what the objective needs and no step makes, what a step needs, and steps that the teacher cannot do."""
    option = {group: _written(config.selected.get(group)) for group in ("objective", "generation", "teacher")}
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
    chosen = chosen_steps(parts.steps, parts.teacher, wanted)
    needs = {f"objective={option['objective']}": wanted}
    needs |= {f"generation step {name}": step.needs for name, step in chosen.items()}
    cure = "add fields for them to teacher.fields" if recorded else "choose generation=everything"
    absent = [
        f"{who} needs {_called(kind)}, but generation={option['generation']} makes "
        f"{'only ' + ', '.join(sorted(made)) if made else 'none'}; {_CURES.get(kind, cure)}"
        for who, kinds in needs.items()
        for kind in sorted(kinds - made)
    ]
    return absent + _order_problems(chosen, parts)


_CURES = {
    "answers": "put chain_of_thought or self_consistency before it in generation=[...]",
    "verdicts": "put self_evaluation before it in generation=[...]",
    WRONG_DECODES: "set generation=chain_of_thought generation.steps.chain_of_thought.wrong=keep",
}


def _called(kind: str) -> str:
    """Return what a kind is called in a sentence."""
    called = {"answers": "the teacher's own answers", "verdicts": "verdicts", WRONG_DECODES: WRONG_DECODES}
    return called.get(kind, f"{kind} rationales")


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
                    f"generation step {name} needs {_called(kind)}, which {' and '.join(found)} makes after it; "
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


def _written(option: Json) -> str:
    """Return what was chosen of a config group as the command line takes it."""
    return f"[{','.join(map(str, option))}]" if isinstance(option, list) else str(option or "?")
