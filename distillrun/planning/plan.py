"""A plan as data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from distillrun.artifacts import ArtifactStore, Stage
from distillrun.pipeline.long_texts import CutTexts
from distillrun.planning.forecast import Forecast, summed
from distillrun.planning.timing import Span
from distillrun.records import Budget, Json, Price


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage of the plan.

    Attributes:
        name: of the stage.
        state: cached; resumable, begun by an interrupted run; or to do.
        took_s: how long it took, in seconds, where it is cached.
        about: how long it takes by stages like it; None where it is cached, or nothing like it was timed.
        forecast: what a generation step asks that is not cached; None where nothing can be asked.
        unknown: why the forecast is not the whole story; empty where it is.
        by_teacher: the forecast of each teacher that is asked, by its key.
        fingerprint: by which two runs know that they share the stage; empty where it is not known yet.
        bytes: about how much it will store of a teacher's distributions; 0 where it is cached, or stores none.
        memory: about how many bytes a training takes at its peak, with their parts by name; None where it is cached, or
            not known.
    """

    name: str
    state: Literal["cached", "resumable", "to do"]
    took_s: float | None = None
    about: Span | None = None
    forecast: Forecast | None = None
    unknown: str = ""
    by_teacher: Mapping[str, Forecast] = field(default_factory=dict)
    fingerprint: str = ""
    bytes: int = 0
    memory: Mapping[str, int] | None = None


def planned(stage: Stage, store: ArtifactStore) -> PlannedStage:
    """Return the plan of a stage as far as the store tells it."""
    fingerprint = stage.fingerprint
    if (found := store.find(stage)) is not None:
        return PlannedStage(stage.name, "cached", found.made_in_s, fingerprint=fingerprint)
    state: Literal["resumable", "to do"] = "resumable" if store.is_begun(stage) else "to do"
    return PlannedStage(stage.name, state, fingerprint=fingerprint)


def timed(stage: PlannedStage, span: Span | None) -> PlannedStage:
    """Return a stage with how long it takes; one that was begun may be nearly done."""
    if stage.state == "cached" or span is None:
        return stage
    return replace(stage, about=replace(span, low_s=0.0) if stage.state == "resumable" else span)


@dataclass(frozen=True, slots=True)
class TeacherPlan:
    """The requests that remain for a teacher, and how they fit its budget.

    Attributes:
        name: in the ensemble, or else its own.
        forecast: what remains, of all steps together.
        spent: what it was ever asked from this store, by all runs: requests, prompt_tokens, completion_tokens, usd.
        budget: its caps.
        price: of its tokens.
        key: tells it from any other teacher.
    """

    name: str
    forecast: Forecast
    spent: Mapping[str, int | float]
    budget: Budget
    price: Price
    key: str

    @property
    def caps(self) -> dict[str, float]:
        """The caps that are set, by name."""
        found = {"requests": self.budget.requests, "tokens": self.budget.tokens, "usd": self.budget.usd}
        return {name: cap for name, cap in found.items() if cap is not None}

    def left(self) -> dict[str, float]:
        """Return what is left under each cap before the plan; below 0 where a cap was lowered since."""
        spent = {**self.spent, "tokens": self.spent["prompt_tokens"] + self.spent["completion_tokens"]}
        return {name: cap - spent[name] for name, cap in self.caps.items()}

    def exceeded(self) -> list[str]:
        """Return the caps that the plan may overrun: a request is sent only if its greatest cost is left."""
        most = self.forecast.most
        needed = {
            "requests": most.requests,
            "tokens": most.prompt_tokens + most.completion_tokens,
            "usd": most.usd,
        }
        return [name for name, left in self.left().items() if needed[name] > left + 1e-9 * self.caps[name]]


@dataclass(frozen=True, slots=True)
class Plan:
    """All stages of a run in their order, the teachers that it may ask, and what is said of its questions.

    `overlap` is what they have in common, `cut` which of them the student does not read whole.
    """

    stages: Sequence[PlannedStage]
    teachers: Sequence[TeacherPlan]
    overlap: Sequence[str] = ()
    cut: Mapping[str, CutTexts] = field(default_factory=dict)

    def total(self) -> Forecast:
        """Return what remains of all steps."""
        return summed(stage.forecast for stage in self.stages if stage.forecast)

    def as_json(self) -> dict[str, Json]:
        """Return the plan for programs; `fits` is whether no budget can be overrun, as far as the plan can tell."""
        teachers: list[Json] = [
            {**asdict(teacher), "left": dict(teacher.left()), "exceeded": list(teacher.exceeded())}
            for teacher in self.teachers
        ]
        return {
            "stages": [asdict(stage) for stage in self.stages],
            "total": asdict(self.total()),
            "teachers": teachers,
            "overlap": list(self.overlap),
            "cut": {split: own.as_json() for split, own in self.cut.items()},
            "fits": not any(teacher.exceeded() for teacher in self.teachers),
        }
