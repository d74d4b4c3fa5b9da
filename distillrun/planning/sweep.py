"""The plan of a sweep: what it would do, ask and cost, job by job, with shared work counted once."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from distillrun.config.build import Parts, build_parts
from distillrun.config.settings import Config
from distillrun.errors import ConfigError
from distillrun.pipeline.experiment import Experiment, read_examples, with_examples
from distillrun.pipeline.preflight import preflight
from distillrun.planning.forecast import Forecast, summed
from distillrun.planning.making import SharedPlans, make_plan
from distillrun.planning.plan import Plan, PlannedStage, TeacherPlan
from distillrun.planning.text import about_teacher, bases, figures, legend, time_text
from distillrun.planning.timing import summed as summed_spans
from distillrun.records import Example, Json, Split
from distillrun.sweep.cells import aligned
from distillrun.sweep.job import varying
from distillrun.text.display import duration, number
from distillrun.text.display import plain as printable

HEAD = ("job", "settings", "cached", "to do", "with", "requests", "prompt tokens", "completion tokens", "US$", "about")


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job: what it would do, or why it would be refused.

    Attributes:
        settings: as on the command line.
        plan: None where it would be refused.
        refused: why; empty where it would not.
        shared: the stages that an earlier job makes, by name, with that job's number.
    """

    settings: tuple[str, ...]
    plan: Plan | None
    refused: str = ""
    shared: dict[str, int] = field(default_factory=dict)

    def own(self) -> list[PlannedStage]:
        """Return the stages that this job is the first to make."""
        stages = self.plan.stages if self.plan else ()
        return [stage for stage in stages if stage.state != "cached" and stage.name not in self.shared]

    def seconds(self) -> tuple[float, float] | None:
        """Return from how long to how long its own stages take; None where nothing tells it of one of them."""
        spans = [stage.about for stage in self.own()]
        return None if None in spans else summed_spans(span for span in spans if span is not None)

    def forecast(self) -> Forecast:
        """Return what its own steps ask."""
        return _summed(self.own())


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """The jobs in their order, and the teachers that they ask, each once."""

    jobs: Sequence[JobPlan]
    teachers: Sequence[TeacherPlan]

    @property
    def refused(self) -> list[JobPlan]:
        """The jobs that would be refused."""
        return [job for job in self.jobs if job.plan is None]

    def total(self) -> Forecast:
        """Return what remains to be asked, what several jobs need counted once."""
        return _summed([stage for job in self.jobs for stage in job.own()])

    def as_json(self) -> dict[str, Json]:
        """Return the plan for programs."""
        jobs: list[Json] = [
            {
                "settings": list(job.settings),
                "refused": job.refused,
                "shared": dict(job.shared),
                "seconds": None if (span := job.seconds()) is None else list(span),
                "stages": [asdict(stage) for stage in job.plan.stages] if job.plan else [],
            }
            for job in self.jobs
        ]
        teachers: list[Json] = [{**asdict(one), "exceeded": list(one.exceeded())} for one in self.teachers]
        return {"jobs": jobs, "total": asdict(self.total()), "teachers": teachers}


def make_sweep_plan(jobs: Sequence[tuple[Sequence[str], Config | ConfigError]]) -> SweepPlan:
    """Return what a sweep would do. What several jobs have in common is built, read and counted once.

    Args:
        jobs: the settings of each with its config, or with why it cannot have one.
    """
    preparing, known = _Preparing(), SharedPlans()
    makers: dict[str, int] = {}
    teachers: dict[str, TeacherPlan] = {}
    found = []
    for place, (settings, config) in enumerate(jobs):
        try:
            if isinstance(config, ConfigError):
                raise config
            plan = make_plan(preparing.experiment(config), known)
        except ConfigError as error:
            found.append(JobPlan(tuple(settings), None, str(error)))
            continue
        to_do = [stage for stage in plan.stages if stage.fingerprint and stage.state != "cached"]
        first = {stage.name: makers.setdefault(stage.fingerprint, place) for stage in to_do}
        shared = {name: other for name, other in first.items() if other != place}
        found.append(JobPlan(tuple(settings), plan, shared=shared))
        teachers |= {teacher.key: teacher for teacher in plan.teachers}
    own = [stage for job in found for stage in job.own()]
    asked = [
        replace(teacher, forecast=summed([stage.by_teacher[key] for stage in own if key in stage.by_teacher]))
        for key, teacher in teachers.items()
    ]
    return SweepPlan(found, asked)


class _Preparing:
    """The checks of many jobs' configs; a part, a check and the questions of a task are made once for all of them."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}
        self._examples: dict[int, Mapping[Split, Sequence[Example]]] = {}
        self._checked: set[Hashable] = set()

    def experiment(self, config: Config) -> Experiment:
        """Return the experiment of a config, as `prepare` does."""
        parts = build_parts(config, self._parts)
        key = _looked_at(config, parts)
        if key not in self._checked:
            preflight(config, parts)
        if id(parts.task) not in self._examples:
            self._examples[id(parts.task)] = read_examples(parts.task)
        examples = self._examples[id(parts.task)]
        if key not in self._checked:
            with_examples(config, parts, examples)
            self._checked.add(key)
        return Experiment(config, parts, examples)


def _looked_at(config: Config, parts: Parts) -> Hashable:
    """Return what the checks before a run look at; parts of the same settings are the same objects."""
    singles = (parts.task, parts.teacher, parts.logit_teacher, parts.student, parts.objective)
    several = (*parts.steps.values(), *parts.evaluators.values(), *parts.measures.values())
    settings = (config.until, config.runtime.device, config.training.learn_padding, config.logit_teacher is None)
    return (*settings, *map(id, singles), *map(id, several))


def _summed(stages: Sequence[PlannedStage]) -> Forecast:
    return summed([stage.forecast for stage in stages if stage.forecast])


def sweep_plan_text(made: SweepPlan) -> str:
    """Return a row for each job, the sums, why jobs are refused, and a paragraph on each teacher."""
    settings = varying([job.settings for job in made.jobs])
    rows = [_row(place, job, own) for place, (job, own) in enumerate(zip(made.jobs, settings, strict=True))]
    took = _about([stage for job in made.jobs for stage in job.own()])
    to_do = sum(len(job.own()) for job in made.jobs)
    cached = sum(stage.state == "cached" for job in made.jobs if job.plan for stage in job.plan.stages)
    total = ("", f"{len(made.jobs)} jobs", number(cached), f"{to_do} stages", "", *_asked(made.total()), took)
    return "\n".join(map(printable, [aligned([HEAD, *rows, total]), *_notes(made)])) + "\n"


def _row(place: int, job: JobPlan, settings: Sequence[str]) -> tuple[str, ...]:
    name = " ".join(settings)
    if job.plan is None:
        return (str(place), name, "", "refused", *[""] * (len(HEAD) - 4))
    cached = sum(stage.state == "cached" for stage in job.plan.stages)
    own = [f"{stage.name}{'*' if stage.unknown else ''}" for stage in job.own()]
    others = ", ".join(f"#{other}" for other in sorted(set(job.shared.values())))
    return (
        str(place),
        name,
        f"{cached} of {len(job.plan.stages)}",
        ", ".join(own),
        others,
        *_asked(job.forecast()),
        _about(job.own()),
    )


def _about(own: Sequence[PlannedStage]) -> str:
    """Return how long stages take together, as far as it can be told."""
    spans = [stage.about for stage in own if stage.about]
    if not own or not spans:
        return "unknown" if own else ""
    low, high = summed_spans(spans)
    return time_text(low, high) if len(spans) == len(own) else f"more than {duration(low)}"


def _asked(forecast: Forecast) -> tuple[str, str, str, str]:
    requests, _, prompt, completion, usd = figures(forecast if forecast.most.requests else None)
    return requests, prompt, completion, usd


def _notes(made: SweepPlan) -> Iterator[str]:
    yield ""
    yield "with: the jobs that make the other stages."
    yield from bases([stage for job in made.jobs for stage in job.own()])
    if made.total().most.requests:
        yield from legend(made.total())
    unknown = {stage.name: stage.unknown for job in made.jobs if job.plan for stage in job.plan.stages if stage.unknown}
    yield from (f"* {name}: {why}" for name, why in unknown.items())
    for place, job in enumerate(made.jobs):
        if job.refused:
            yield f"job {place} would be refused: {job.refused}"
    for teacher in made.teachers:
        yield ""
        yield from about_teacher(teacher)
