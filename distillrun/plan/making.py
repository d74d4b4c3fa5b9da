"""How a plan is made: stage by stage, as a run would go, but nothing is asked, loaded or written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from distillrun.artifacts import ArtifactStore, Stage, digest
from distillrun.errors import ConfigError
from distillrun.experiment import SPLITS, Experiment, generation_line, student_leaves, teaching_of
from distillrun.interfaces import AskingMeasure, ExpansionStep, GenerationStep, members_of, wishes_of
from distillrun.journal.forecast import Forecast
from distillrun.journal.line import Line, key_of
from distillrun.journal.planning import PlanningContext, Shelf, summed
from distillrun.measurement import measuring
from distillrun.plan.plan import Plan, PlannedStage, TeacherPlan
from distillrun.preflight import wanted_kinds
from distillrun.records import Example, Split, TeacherRecord
from distillrun.schema import Until
from distillrun.stages.evaluate import evaluation_stage
from distillrun.stages.generate import examples_of, records_of
from distillrun.stages.generation_line import GenerationLine
from distillrun.stages.handing import EXAMPLES, makers
from distillrun.stages.lesson import lesson_of
from distillrun.stages.load import loading_stage
from distillrun.stages.train import training_stage

NOT_COUNTED = "what it asks of judges and of the teacher about the test questions is not counted"


@dataclass(slots=True)
class Known:
    """What the plans of several runs have in common, and is found out once.

    Attributes:
        loads: the load stages, by the settings of the task.
        walks: the plans of generation steps and their teachers, by the fingerprints of the steps.
    """

    loads: dict[str, dict[Split, Stage]] = field(default_factory=dict)
    walks: dict[str, tuple[list[PlannedStage], list[TeacherPlan]]] = field(default_factory=dict)


def make_plan(experiment: Experiment, known: Known | None = None) -> Plan:
    """Return what a run of the experiment would do. Raises ConfigError where a step says that it cannot be done.

    Args:
        experiment: what would be run.
        known: of other runs from the same store; it is given what this one adds.
    """
    config, known = experiment.config, known or Known()
    store = ArtifactStore(Path(config.paths.store))
    loads = _loads(experiment, known)
    stages = [_planned(stage, store) for stage in loads.values()]
    if config.until is Until.load:
        return Plan(stages, [])
    line = generation_line(experiment, store)
    generated = line.stages(loads["train"].fingerprint)
    walked, teachers = _walked(line, generated, known)
    stages += walked
    if config.until is Until.generate:
        return Plan(stages, teachers)
    given = [loads["train"], loads["dev"], *generated.values()]
    if wishes_of(experiment.parts.objective).teacher == "stored":
        read = _reading(experiment, line, generated)
        if read is None:
            return Plan([*stages, *(_unknown(name, store) for name in ("read_logits", "train"))], teachers)
        stages.append(_planned(read, store))
        given.append(read)
    if config.until is Until.read_logits:
        return Plan(stages, teachers)
    upstream = {stage.name: stage.fingerprint for stage in given}
    train = training_stage(student_leaves(experiment), config.training, upstream)
    stages.append(_planned(train, store))
    if config.until is not Until.train:
        upstream = {stage.name: stage.fingerprint for stage in (loads["test"], train)}
        rules = {name: config.evaluators[name] for name in experiment.parts.evaluators}
        tested = [evaluation_stage(name, leaf, upstream) for name, leaf in rules.items()]
        stages += [_planned(stage, store) for stage in tested]
        made = {stage.name: stage.fingerprint for stage in (*loads.values(), *generated.values(), train, *tested)}
        stages += _measured(experiment, store, made)
    return Plan(stages, teachers)


def _measured(experiment: Experiment, store: ArtifactStore, made: Mapping[str, str]) -> list[PlannedStage]:
    """Return the plans of the measures; `made` are the fingerprints of all stages before them."""
    made, found = dict(made), []
    for name, measure in experiment.parts.measures.items():
        stage = measuring(experiment, store, name, made).stage
        made[stage.name] = stage.fingerprint
        planned = _planned(stage, store)
        asks = bool(measure.wants) or isinstance(measure, AskingMeasure)
        told = asks and planned.state != "cached"
        found.append(replace(planned, unknown=NOT_COUNTED) if told else planned)
    return found


def _loads(experiment: Experiment, known: Known) -> dict[Split, Stage]:
    """Return the load stages."""
    key = digest(experiment.config.task)
    if key not in known.loads:
        task, examples = experiment.parts.task, experiment.examples
        known.loads[key] = {split: loading_stage(task, split, examples[split]) for split in SPLITS}
    return known.loads[key]


def _walked(
    line: GenerationLine, generated: Mapping[str, Stage], known: Known
) -> tuple[list[PlannedStage], list[TeacherPlan]]:
    """Return the plans of the generation steps, and of the teachers that they ask."""
    prices = [
        [asdict(teacher.price_per_million), asdict(teacher.budget)]
        for asked in (line.shared.teacher, *(own for step in line.chosen.values() for own in step.teachers))
        for teacher in members_of(asked).values()
    ]
    key = digest([[stage.fingerprint for stage in generated.values()], prices])
    if key not in known.walks:
        walk = _Walk(line, {name for name, stage in generated.items() if line.store.find(stage) is None})
        known.walks[key] = [walk.planned(name, stage) for name, stage in generated.items()], walk.teachers()
    return known.walks[key]


def _planned(stage: Stage, store: ArtifactStore) -> PlannedStage:
    fingerprint = stage.fingerprint
    if (found := store.find(stage)) is not None:
        return PlannedStage(stage.name, "cached", found.made_in_s, fingerprint=fingerprint)
    state: Literal["resumable", "to do"] = "resumable" if store.is_begun(stage) else "to do"
    return PlannedStage(stage.name, state, store.last_seconds(stage.name), fingerprint=fingerprint)


def _reading(experiment: Experiment, line: GenerationLine, generated: Mapping[str, Stage]) -> Stage | None:
    """Return the stage in which the teacher's distributions are read; None while its texts are not there."""
    made = {name: line.store.find(stage) for name, stage in generated.items()}
    for name, artifact in made.items():
        if artifact is None:
            return None
        line.add(name, records_of(artifact), examples_of(artifact))
    records = line.handed(wanted_kinds(experiment.config, experiment.parts)) if made else None
    lesson = lesson_of(experiment.parts.objective, line.examples, experiment.examples["dev"], records)
    teaching = teaching_of(experiment, lesson)
    if teaching is None or teaching.request is None:
        return None
    return teaching.stage(teaching.pairs(), teaching.request)


def _unknown(name: str, store: ArtifactStore) -> PlannedStage:
    unknown = "cannot be told before the texts that are learnt are there"
    return PlannedStage(name, "to do", store.last_seconds(name), None, unknown)


@dataclass(slots=True)
class _Told:
    """What a step made or would make, and what it asks."""

    records: list[TeacherRecord]
    examples: list[Example]
    by_teacher: dict[str, Forecast]
    has_guessed: bool


@dataclass(slots=True)
class _Walk:
    """Goes through the generation steps of a run.

    Attributes:
        line: the steps; it is given what each made or would make.
        to_do: the steps that are not cached.
        by_teacher: what is asked of each teacher so far, by its key.
        guessed: the steps of which something is a placeholder.
    """

    line: GenerationLine
    to_do: set[str]
    by_teacher: dict[str, Forecast] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)

    def planned(self, name: str, stage: Stage) -> PlannedStage:
        """Return the plan of the next step, and hand on what it made or would make to the steps after it."""
        planned = _planned(stage, self.line.store)
        step = self.line.chosen[name]
        if (found := self.line.store.find(stage)) is not None:
            if self._is_read_later(name):
                self.line.add(name, records_of(found), examples_of(found))
            return planned
        if not (step.asks or step.teachers or self._is_read_later(name)):
            return planned
        rests_on = self._rests_on(name)
        try:
            told, unknown = self._told(name, step, bool(rests_on)), ""
        except ConfigError:
            raise
        except Exception as error:  # a step may not know what to do with texts that are not there yet
            told = _Told([], [], {}, has_guessed=True)
            unknown = f"cannot be told before {_named(rests_on) or 'its own texts'} is there ({error})"
        if told.has_guessed or rests_on:
            self.guessed.add(name)
        self.line.add(name, {record.example_id: record for record in told.records}, told.examples)
        for key, asked in told.by_teacher.items():
            self.by_teacher[key] = self.by_teacher.get(key, Forecast()).plus(asked)
        forecast = summed(told.by_teacher) if step.asks or step.teachers else None
        if forecast and rests_on and not unknown and not forecast.most.requests:
            unknown = f"cannot be told before {_named(rests_on)} is there: nothing that stands for its texts passes"
        if isinstance(step, ExpansionStep) and told.has_guessed:
            unknown = "asks until enough new questions pass every check"
        return replace(planned, forecast=forecast, unknown=unknown, by_teacher=told.by_teacher)

    def teachers(self) -> list[TeacherPlan]:
        """Return every teacher that a step may ask, with what remains to be asked of it."""
        line, found = self.line, dict[str, TeacherPlan]()
        own = (teacher for step in line.chosen.values() for teacher in step.teachers)
        asks_the_runs = any(step.asks for step in line.chosen.values())
        for asked in (line.shared.teacher, *own) if asks_the_runs else own:
            for name, teacher in members_of(asked).items():
                if (key := key_of(teacher)) not in found:
                    spent = Line(line.store.root, "", teacher).ledger.spent().as_dict()
                    forecast = self.by_teacher.get(key, Forecast())
                    price = teacher.price_per_million
                    found[key] = TeacherPlan(name or teacher.name, forecast, spent, teacher.budget, price, key)
        return list(found.values())

    def _is_read_later(self, name: str) -> bool:
        """Return whether a step that has to be run reads what this one makes."""
        names = list(self.line.chosen)
        later = [other for other in names[names.index(name) + 1 :] if other in self.to_do]
        makes_examples = EXAMPLES in self.line.chosen[name].makes
        return any(makes_examples or name in self._makers(other) for other in later)

    def _makers(self, name: str) -> set[str]:
        line = self.line
        return set(makers(line.steps, line.shared.teacher, line.chosen[name].needs, before=name).values())

    def _rests_on(self, name: str) -> list[str]:
        """Return the earlier steps whose texts or questions the step is given, and which are not there yet."""
        expansions = {other for other in self.line.records if EXAMPLES in self.line.chosen[other].makes}
        given = self._makers(name) | expansions
        return [other for other in self.line.records if other in given & self.guessed]

    def _told(self, name: str, step: GenerationStep, rests_on_guesses: bool) -> _Told:
        """Return what the step asks if every text can be used and, as the most, if none can."""
        shelf = Shelf(self.line.store.root, name)
        hopeful = self._run(name, step, shelf, True, rests_on_guesses)
        if hopeful.has_guessed:
            hopeless = self._run(name, step, shelf, False, rests_on_guesses).by_teacher
            for key in hopeful.by_teacher.keys() | hopeless.keys():
                forecast = hopeful.by_teacher.get(key, Forecast())
                hopeful.by_teacher[key] = forecast.at_most(hopeless.get(key, Forecast()))
        return hopeful

    def _run(self, name: str, step: GenerationStep, shelf: Shelf, is_usable: bool, rests_on_guesses: bool) -> _Told:
        line, shared = self.line, self.line.shared
        context = PlanningContext(
            shelf, shared.task, shared.teacher, shared.held_out, shared.generation, is_usable, rests_on_guesses
        )
        records: list[TeacherRecord] = []
        examples: list[Example] = []
        if isinstance(step, ExpansionStep):
            examples = list(step.expand(line.examples, context)[0])
        else:
            records = list(step.run(line.examples, line.handed(step.needs, before=name), context))
        return _Told(records, examples, context.by_teacher, context.has_guessed)


def _named(steps: list[str]) -> str:
    return " and ".join(f"generate/{name}" for name in steps)
