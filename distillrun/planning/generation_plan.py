"""The plan of a generation run: each step is run against a context that asks nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from distillrun.artifacts import Stage
from distillrun.errors import ConfigError
from distillrun.interfaces import ExpansionStep, GenerationStep, Teacher, members_of
from distillrun.pipeline.stages.generate import examples_of, records_of
from distillrun.pipeline.stages.generation_run import GenerationRun
from distillrun.pipeline.stages.step_outputs import EXAMPLES, makers
from distillrun.planning.counting import JournalSnapshot, PlanningContext
from distillrun.planning.forecast import Forecast, summed
from distillrun.planning.plan import PlannedStage, planned
from distillrun.records import Example, TeacherRecord


@dataclass(slots=True)
class _StepForecast:
    """The records and examples that a step made or would make, and its requests."""

    records: list[TeacherRecord]
    examples: list[Example]
    by_teacher: dict[str, Forecast]
    has_guessed: bool


class GenerationPlan:
    """The plan of the generation steps of a run, each of which is counted once.

    Args:
        generation: the steps; it is given what each made or would make.
        generated: the stage of each.

    Attributes:
        generation: as given.
        stages: the plan of each step.
        guessed: the steps of which something is a placeholder.
    """

    def __init__(self, generation: GenerationRun, generated: Mapping[str, Stage]) -> None:
        self.generation = generation
        self.guessed: set[str] = set()
        self._to_do = {name for name, stage in generated.items() if generation.store.find(stage) is None}
        self._read_at_the_end = set(makers(generation.steps, generation.shared.teacher, generation.wanted).values())
        self.stages = [self._planned(name, stage) for name, stage in generated.items()]

    def _planned(self, name: str, stage: Stage) -> PlannedStage:
        """Return the plan of the next step, and hand on what it made or would make to the steps after it."""
        known = planned(stage, self.generation.store)
        step = self.generation.chosen[name]
        if (found := self.generation.store.find(stage)) is not None:
            if self._is_read_later(name):
                self.generation.add(name, records_of(found), examples_of(found))
            return known
        if not (step.asks or step.teachers or self._is_read_later(name)):
            return known
        rests_on = self._rests_on(name)
        try:
            counted, unknown = self._forecast(name, step, bool(rests_on)), ""
        except ConfigError:
            raise
        except Exception as error:  # a step may not know what to do with texts that are not there yet
            counted = _StepForecast([], [], {}, has_guessed=True)
            unknown = f"cannot be known before {_listed(rests_on) or 'its own texts'} is done ({error})"
        if counted.has_guessed or rests_on:
            self.guessed.add(name)
        self.generation.add(name, {record.example_id: record for record in counted.records}, counted.examples)
        forecast = summed(counted.by_teacher.values()) if step.asks or step.teachers else None
        if forecast and rests_on and not unknown and not forecast.most.requests:
            unknown = f"cannot be known before {_listed(rests_on)} is done: no placeholder for its texts passes"
        if isinstance(step, ExpansionStep) and counted.has_guessed:
            unknown = "asks until enough new questions pass every check"
        return replace(known, forecast=forecast, unknown=unknown, by_teacher=counted.by_teacher)

    def _is_read_later(self, name: str) -> bool:
        """Return whether what this one makes is read, at the end or by a step that has to be run."""
        names = list(self.generation.chosen)
        later = [other for other in names[names.index(name) + 1 :] if other in self._to_do]
        makes_examples = EXAMPLES in self.generation.chosen[name].makes
        return name in self._read_at_the_end or any(makes_examples or name in self._makers(other) for other in later)

    def _makers(self, name: str) -> set[str]:
        return set(self.generation.makers_before(name).values())

    def _rests_on(self, name: str) -> list[str]:
        """Return the earlier steps whose texts or questions the step is given, and which are not there yet."""
        expansions = {other for other in self.generation.records if EXAMPLES in self.generation.chosen[other].makes}
        given = self._makers(name) | expansions
        return [other for other in self.generation.records if other in given & self.guessed]

    def _forecast(self, name: str, step: GenerationStep, rests_on_guesses: bool) -> _StepForecast:
        """Return what the step asks if every text can be used and, as the most, if none can."""
        journals = JournalSnapshot(self.generation.store.root, name)
        usable = self._run(name, step, journals, True, rests_on_guesses)
        if usable.has_guessed:
            unusable = self._run(name, step, journals, False, rests_on_guesses).by_teacher
            for key in usable.by_teacher.keys() | unusable.keys():
                forecast = usable.by_teacher.get(key, Forecast())
                usable.by_teacher[key] = forecast.at_most(unusable.get(key, Forecast()))
        return usable

    def _run(
        self, name: str, step: GenerationStep, journals: JournalSnapshot, is_usable: bool, rests_on_guesses: bool
    ) -> _StepForecast:
        generation, shared = self.generation, self.generation.shared
        context = PlanningContext(
            journals, shared.task, shared.teacher, shared.held_out, shared.generation, is_usable, rests_on_guesses
        )
        records: list[TeacherRecord] = []
        examples: list[Example] = []
        asked, given = generation.given(name)
        if isinstance(step, ExpansionStep):
            examples = list(step.expand(asked, context)[0])
        else:
            records = list(step.run(asked, given, context))
        return _StepForecast(records, examples, context.by_teacher, context.has_guessed)


def _listed(steps: list[str]) -> str:
    return " and ".join(f"generate/{name}" for name in steps)


def asked_in(generation: GenerationRun) -> Iterator[tuple[str, Teacher]]:
    """Yield every teacher that a step of a run may ask, with its name."""
    asked = [generation.shared.teacher] if any(step.asks for step in generation.chosen.values()) else []
    for teacher in (*asked, *(own for step in generation.chosen.values() for own in step.teachers)):
        for name, member in members_of(teacher).items():
            yield name or member.name, member
