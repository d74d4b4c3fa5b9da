"""Checks across parts, all reported at once, before any cost."""

from distillrun.config.build import Parts
from distillrun.config.schema import Until
from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.generation.shared.ability import ABILITIES
from distillrun.interfaces import (
    ActiveObjective,
    AskingMetric,
    ChoiceObjective,
    FreeFormTask,
    LabelStudent,
    LabelTask,
    RecordedTeacher,
    members_of,
    requirements_of,
)
from distillrun.pipeline.preflight_free_form import free_form_problems
from distillrun.pipeline.preflight_generation import (
    abilities_of,
    called,
    generation_problems,
    needs_teacher,
    run_steps,
    teacher_problems,
    written,
)
from distillrun.pipeline.preflight_label_sets import label_set_problems
from distillrun.pipeline.preflight_logits import logit_problems
from distillrun.pipeline.preflight_training import rate_problems, warm_start_problems
from distillrun.pipeline.stages.step_outputs import chosen_steps, makes_of
from distillrun.process.runtime import pick_device
from distillrun.training.optimizer import optimizer_problems


def preflight(config: Config, parts: Parts) -> None:
    """Raise a ConfigError that lists everything that would fail later."""
    problems = list(parts.task.check())
    if not problems and (problems := free_form_problems(config, parts)):
        raise ConfigError("\n".join(problems))
    if needs_teacher(config, parts):
        problems += teacher_problems(config, parts, run_steps(config, parts))
        problems += generation_problems(config, parts)
    if config.until not in (Until.load, Until.generate):
        own = parts.student.check()
        problems += [*own, *_student_problems(config, parts)]
        problems += [] if own else rate_problems(config, parts.student)
        problems += [*optimizer_problems(config.training), *warm_start_problems(config, parts.objective)]
        if not problems and config.training.max_steps:
            chosen = "teacher" if config.logit_teacher is None else "teacher@logit_teacher"
            named, option = (f"{group}={written(config.selected.get(group))}" for group in ("objective", chosen))
            problems += logit_problems(named, option, parts.objective, parts.logit_teacher, parts.student, parts.task)
        try:
            pick_device(config.runtime.device)
        except ConfigError as error:
            problems.append(str(error))
    problems += label_set_problems(config, parts)
    if not parts.evaluators and config.until in (Until.evaluate, Until.report):
        problems.append("evaluation is empty; choose at least one, such as evaluation=generated_answer")
    if config.until in (Until.evaluate, Until.report):
        problems += _measure_problems(config, parts)
        if config.baselines:
            problems += _baseline_problems(config, parts)
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def _student_problems(config: Config, parts: Parts) -> list[str]:
    """Return what is asked of a student that it cannot do: read with an encoder, or write."""
    problems = []
    student = f"student={written(config.selected.get('student'))}"
    objective = parts.objective
    if config.training.learn_padding and (isinstance(objective, ActiveObjective) or not parts.student.writes):
        problems.append(
            "training.learn_padding=true fills up texts that are learnt from labels alone; choose an objective such as "
            "multitask and a student that writes, or training.learn_padding=false"
        )
    if requirements_of(objective).encoder and not parts.student.has_encoder:
        named = written(config.selected.get("objective"))
        problems.append(
            f"objective={named} mixes what an encoder reads, and {student} has none; choose student=choice_scorer, "
            "or an encoder-decoder such as student=tiny_t5"
        )
    if isinstance(parts.student, LabelStudent) and not isinstance(parts.task, LabelTask):
        task = written(config.selected.get("task"))
        problems.append(
            f"{student} has an output for each label, and the questions of task={task} have choices of their own; "
            "choose task=classification, or student=choice_scorer"
        )
    if parts.student.writes:
        return problems
    if not isinstance(objective, ChoiceObjective):
        named = written(config.selected.get("objective"))
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
        reference = chosen_steps(parts.steps, parts.teacher, measure.wants & made)
        problems += teacher_problems(config, parts, reference) if measure.wants else []
        for kind in sorted(measure.wants - made):
            problems.append(
                f"evaluation.{name} compares with {called(kind)} of the teacher, which no step makes; choose "
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
        if not found and not abilities_of(teacher) & {"score", "complete"}:
            found = [f"it can neither {ABILITIES['score']} nor {ABILITIES['complete']}"]
        if not found and isinstance(parts.task, FreeFormTask) and "complete" not in abilities_of(teacher):
            found = [f"it cannot {ABILITIES['complete']}"]
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
