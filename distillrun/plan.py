"""What a run would do and cost, told before any of it is done."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from distillrun.artifacts import ArtifactStore, Stage
from distillrun.cells import aligned
from distillrun.interfaces import EnsembleTeacher, ExpansionStep, GenerationStep, Teacher
from distillrun.journal.line import Line
from distillrun.journal.planning import Forecast, PlanningContext
from distillrun.pipeline import SPLITS, Experiment, generation_line, student_leaves
from distillrun.records import Example, Json, TeacherRecord
from distillrun.schema import Until
from distillrun.stages.evaluate import evaluation_stage
from distillrun.stages.generate import examples_of, records_of
from distillrun.stages.generation_line import GenerationLine
from distillrun.stages.load import loading_stage
from distillrun.stages.train import training_stage


@dataclass(slots=True)
class PlannedStage:
    """One stage of the plan.

    Attributes:
        name: of the stage.
        state: cached, resumable (begun by an interrupted run) or to do.
        forecast: what a generation step that is to be done asks; None for the others.
        last_s: how long the newest stage of that name took, in seconds; None where there is none.
        unknown: why the forecast cannot be told in full.
    """

    name: str
    state: str
    forecast: Forecast | None = None
    last_s: float | None = None
    unknown: str = ""


@dataclass(slots=True)
class TeacherPlan:
    """What remains to be asked of a teacher, what it was ever asked from this store, and its budget."""

    name: str
    forecast: Forecast
    spent: dict[str, int | float]
    budget: dict[str, int | float | None]

    def exceeded(self) -> list[str]:
        """Return the caps that the plan may overrun, at the most that its completions can have."""
        tokens = self.spent["prompt_tokens"] + self.spent["completion_tokens"]
        needed = {
            "requests": self.spent["requests"] + self.forecast.requests,
            "tokens": tokens + self.forecast.prompt_tokens + self.forecast.most_completion_tokens,
            "usd": self.spent["usd"] + self.forecast.most_usd,
        }
        return [f"budget.{name}={cap:g}" for name, cap in self.budget.items() if cap is not None and needed[name] > cap]


@dataclass(slots=True)
class Plan:
    """All stages of a run in their order, and the teachers that would be asked."""

    stages: list[PlannedStage] = field(default_factory=list)
    teachers: list[TeacherPlan] = field(default_factory=list)

    def as_json(self) -> dict[str, Json]:
        """Return the plan for programs."""
        teachers = [{**asdict(teacher), "exceeds": teacher.exceeded()} for teacher in self.teachers]
        return {"stages": [asdict(stage) for stage in self.stages], "teachers": list(teachers)}

    def text(self) -> str:
        """Return the plan for people."""
        head = ("stage", "", "requests", "journaled", "prompt tokens", "completion tokens", "US$", "last took")
        lines = [head, *(_cells(stage) for stage in self.stages)]
        notes = [f"{stage.name}: {stage.unknown}" for stage in self.stages if stage.unknown]
        if any(stage.forecast and stage.forecast.is_estimate for stage in self.stages):
            notes.append("~ estimated: these prompts hold texts that are not written yet")
        notes += [_note(teacher) for teacher in self.teachers]
        return "\n".join([aligned(lines), *notes]) + "\n"


def make_plan(experiment: Experiment) -> Plan:
    """Return what a run of the experiment would do. Nothing is asked, loaded or written."""
    config = experiment.config
    store = ArtifactStore(Path(config.paths.store))
    plan = Plan()
    loads = {split: loading_stage(experiment.parts.task, split, experiment.examples[split]) for split in SPLITS}
    plan.stages += [_planned(stage, store) for stage in loads.values()]
    if config.until is Until.load:
        return plan
    line = generation_line(experiment, store)
    generated = line.stages(loads["train"].fingerprint)
    forecasts: dict[str, Forecast] = {}
    for name, step in line.chosen.items():
        plan.stages.append(_generation(name, step, generated[name], line, forecasts))
    plan.teachers += _teachers(line, forecasts)
    if config.until is Until.generate:
        return plan
    upstream = {stage.name: stage.fingerprint for stage in (loads["train"], loads["dev"], *generated.values())}
    train = training_stage(student_leaves(experiment), config.training, upstream)
    plan.stages.append(_planned(train, store))
    if config.until is not Until.train:
        upstream = {stage.name: stage.fingerprint for stage in (loads["test"], train)}
        for name, leaf in config.evaluation.items():
            plan.stages.append(_planned(evaluation_stage(name, leaf, upstream), store))
    return plan


def _planned(stage: Stage, store: ArtifactStore) -> PlannedStage:
    if (found := store.find(stage)) is not None:
        return PlannedStage(stage.name, "cached", last_s=found.made_in_s)
    state = "resumable" if store.is_begun(stage) else "to do"
    return PlannedStage(stage.name, state, last_s=store.last_seconds(stage.name))


def _generation(
    name: str, step: GenerationStep, stage: Stage, line: GenerationLine, forecasts: dict[str, Forecast]
) -> PlannedStage:
    """Return the plan of a step, and hand on what it made or would make to the steps after it."""
    planned = _planned(stage, line.store)
    if (found := line.store.find(stage)) is not None:
        line.add(name, records_of(found), examples_of(found))
        return planned
    shared = line.shared
    context = PlanningContext(line.store.root, name, shared.task, shared.teacher, shared.held_out, shared.generation)
    records: Sequence[TeacherRecord] = ()
    examples: Sequence[Example] = ()
    try:
        if isinstance(step, ExpansionStep):
            examples, _ = step.expand(line.examples, context)
            planned.unknown = "asks until there are enough questions, at most so often"
        else:
            records = list(step.run(line.examples, line.handed(step.needs, before=name), context))
    except Exception as error:  # a step may not know what to do with texts that are not there yet
        planned.unknown = f"cannot be told in full before the earlier steps are done ({type(error).__name__}: {error})"
    line.add(name, {record.example_id: record for record in records}, examples)
    planned.forecast = context.forecast
    for teacher, forecast in context.by_teacher.items():
        _sum(forecasts.setdefault(teacher, Forecast()), forecast)
    return planned


def _teachers(line: GenerationLine, forecasts: dict[str, Forecast]) -> list[TeacherPlan]:
    found: dict[str, TeacherPlan] = {}
    for asked in (line.shared.teacher, *(own for step in line.chosen.values() for own in step.teachers)):
        for key, teacher in (asked.members if isinstance(asked, EnsembleTeacher) else {"": asked}).items():
            if isinstance(teacher, Teacher):
                name = key or teacher.name
                spent = Line(line.store.root, "", teacher).ledger.spent().as_dict()
                forecast = forecasts.get(name, Forecast())
                found[name] = TeacherPlan(name, forecast, spent, asdict(teacher.budget))
    return list(found.values())


def _sum(total: Forecast, added: Forecast) -> None:
    for name, value in asdict(added).items():
        setattr(total, name, getattr(total, name) + value if name != "is_estimate" else total.is_estimate or value)


def _cells(stage: PlannedStage) -> tuple[str, ...]:
    took = "" if stage.last_s is None else f"{stage.last_s:.0f} s"
    asked = stage.forecast
    if asked is None:
        return (stage.name, stage.state, "", "", "", "", "", took)
    about = "~" if asked.is_estimate else ""
    most = f" (at most {asked.most_completion_tokens:,})"
    completion = (
        f"~{asked.completion_tokens:,.0f}{most if asked.completion_tokens < asked.most_completion_tokens else ''}"
    )
    money = f"{asked.usd:.2f} (at most {asked.most_usd:.2f})" if asked.most_usd > asked.usd else f"{asked.usd:.2f}"
    figures = (f"{about}{asked.requests:,}", f"{asked.known:,}", f"{about}{asked.prompt_tokens:,}", completion, money)
    return (stage.name, stage.state, *figures, took)


def _note(teacher: TeacherPlan) -> str:
    asked, spent = teacher.forecast, teacher.spent
    caps = ", ".join(f"{name} {cap:g}" for name, cap in teacher.budget.items() if cap is not None)
    text = (
        f"{teacher.name}: {asked.requests:,} requests remain, {asked.prompt_tokens:,} prompt and at most "
        f"{asked.most_completion_tokens:,} completion tokens, at most US$ {asked.most_usd:.2f}; spent so far from this "
        f"store: {spent['requests']:,} requests, US$ {spent['usd']:.2f}; budget: {caps or 'no cap'}"
    )
    over = teacher.exceeded()
    return text + (
        f"; this may exceed {' and '.join(over)}: the run would then stop there, its state saved" if over else ""
    )
