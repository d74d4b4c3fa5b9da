"""How a plan is made: stage by stage, as a run would go, but nothing is asked, loaded or written."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from distillrun.artifacts import ArtifactStore, Stage, digest
from distillrun.config.schema import Until
from distillrun.interfaces import AskingMeasure, Teacher, members_of, wishes_of
from distillrun.journal.client import Line, key_of
from distillrun.plan.asking import EXPLANATION_WORDS, asked_by
from distillrun.plan.clock import Clock
from distillrun.plan.forecast import summed
from distillrun.plan.generation_plan import Walk, asked_in
from distillrun.plan.plan import Plan, PlannedStage, TeacherPlan, planned, timed
from distillrun.records import Prediction, Split
from distillrun.run.baseline import answering_lines, control_of, untrained_of
from distillrun.run.experiment import SPLITS, Experiment, generation_line, student_leaves, teaching_of
from distillrun.run.metric_inputs import measuring, reference_line
from distillrun.run.preflight import wanted_kinds
from distillrun.run.stages.evaluate import evaluation_stage, predictions_of
from distillrun.run.stages.generate import examples_of, records_of
from distillrun.run.stages.generation_run import GenerationLine
from distillrun.run.stages.load import loading_stage
from distillrun.run.stages.train import training_stage
from distillrun.run.stages.training_data import lesson_of

UNWRITTEN = f"what the student will write is counted with {EXPLANATION_WORDS} words a question"


@dataclass(slots=True)
class Known:
    """What the plans of several runs have in common, and is found out once.

    Attributes:
        loads: the load stages, by the settings of the task.
        walks: the plans of generation steps, by the fingerprints of the steps and what is read of them.
        spent: what teachers were asked so far, by their keys.
        clocks: the times of stored stages, by their store.
    """

    loads: dict[str, dict[Split, Stage]] = field(default_factory=dict)
    walks: dict[str, Walk] = field(default_factory=dict)
    spent: dict[str, Mapping[str, int | float]] = field(default_factory=dict)
    clocks: dict[Path, Clock] = field(default_factory=dict)


def make_plan(experiment: Experiment, known: Known | None = None) -> Plan:
    """Return what a run of the experiment would do. Raises ConfigError where a step says that it cannot be done.

    Args:
        experiment: what would be run.
        known: of other runs from the same store; it is given what this one adds.
    """
    making = _Making(experiment, ArtifactStore(Path(experiment.config.paths.store)), known or Known())
    making.go()
    return Plan([*making.stages.values()], making.teachers())


@dataclass(slots=True)
class _Making:
    """A plan in the making.

    Attributes:
        experiment: what would be run.
        store: where its artifacts are.
        known: of other runs.
        stages: so far, by name; a stage that two parts of a run need is there once.
        asked: every teacher that may be asked, with its name, by its key.
        trained: the stage of each training, by the prefix of its stages.
    """

    experiment: Experiment
    store: ArtifactStore
    known: Known
    stages: dict[str, PlannedStage] = field(default_factory=dict)
    asked: dict[str, tuple[str, Teacher]] = field(default_factory=dict)
    trained: dict[str, Stage] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """Tells how long stages take."""
        return self.known.clocks.setdefault(self.store.root, Clock(self.store))

    def go(self) -> None:
        """Plan the stages in the order of a run, as far as the config asks."""
        until = self.experiment.config.until
        loads = self._loads()
        for split, stage in loads.items():
            span = self.clock.loading(stage, self.experiment.examples[split])
            self._add(timed(planned(stage, self.store), span))
        if until is Until.load:
            return
        schooled = self._schooled(self.experiment)
        if "train" not in schooled or until is Until.train:
            return
        made = {stage.name: stage.fingerprint for stage in loads.values()} | schooled
        made |= self._tested(self.experiment, {name: made[name] for name in ("load/test", "train")})
        self._measured(made)
        if self.experiment.config.baselines:
            self._baselines(made["load/test"])

    def teachers(self) -> list[TeacherPlan]:
        """Return every teacher that may be asked, with what remains to be asked of it."""
        found = []
        for key, (name, teacher) in self.asked.items():
            if key not in self.known.spent:
                self.known.spent[key] = Line(self.store.root, "", teacher).ledger.spent().as_dict()
            forecast = summed([stage.by_teacher[key] for stage in self.stages.values() if key in stage.by_teacher])
            price, budget = teacher.price_per_million, teacher.budget
            found.append(TeacherPlan(name, forecast, self.known.spent[key], budget, price, key))
        return found

    def _add(self, stage: PlannedStage, prefix: str = "") -> None:
        """Note a stage, unless another part of the run makes the same one."""
        if not stage.fingerprint or all(other.fingerprint != stage.fingerprint for other in self.stages.values()):
            self.stages[prefix + stage.name] = replace(stage, name=prefix + stage.name)

    def _may_ask(self, teachers: Iterable[tuple[str, Teacher]]) -> None:
        for name, teacher in teachers:
            self.asked.setdefault(key_of(teacher), (name, teacher))

    def _loads(self) -> dict[Split, Stage]:
        """Return the load stages."""
        key = digest(self.experiment.config.task)
        if key not in self.known.loads:
            task, examples = self.experiment.parts.task, self.experiment.examples
            self.known.loads[key] = {split: loading_stage(task, split, examples[split]) for split in SPLITS}
        return self.known.loads[key]

    def _schooled(self, experiment: Experiment, prefix: str = "") -> dict[str, str]:
        """Plan what leads to a trained student; return the fingerprints of its stages, as far as they can be told."""
        config, loads = experiment.config, self._loads()
        line = generation_line(experiment, self.store)
        generated = line.stages(loads["train"].fingerprint)
        self._generated(line, generated, prefix)
        made = {stage.name: stage.fingerprint for stage in generated.values()}
        if config.until is Until.generate:
            return made
        given = {stage.name: stage.fingerprint for split, stage in loads.items() if split != "test"} | made
        if wishes_of(experiment.parts.objective).teacher == "stored":
            read = _reading(experiment, line, generated)
            if read is None:
                for name in ("read_logits", "train"):
                    self._add(_unknown(name), prefix)
                return made
            reading, texts = read
            self._add(timed(planned(reading, self.store), self.clock.reading(reading, texts)), prefix)
            given[reading.name] = reading.fingerprint
        if config.until is Until.read_logits:
            return made
        train = training_stage(student_leaves(experiment), config.training, given)
        self._add(timed(planned(train, self.store), self.clock.training(train, experiment)), prefix)
        self.trained[prefix] = train
        return made | {train.name: train.fingerprint}

    def _tested(self, experiment: Experiment, upstream: Mapping[str, str], prefix: str = "") -> dict[str, str]:
        """Plan every scoring rule; return the fingerprints of the stages. `upstream` names questions and student."""
        rules, leaves, task = experiment.parts.evaluators, experiment.config.evaluators, experiment.parts.task
        stages = [evaluation_stage(name, rule, leaves[name], task, upstream) for name, rule in rules.items()]
        for stage in stages:
            span = self.clock.answering(stage, self.trained.get(prefix, self.trained.get("")), experiment)
            self._add(timed(planned(stage, self.store), span), prefix)
        return {stage.name: stage.fingerprint for stage in stages}

    def _measured(self, made: Mapping[str, str]) -> None:
        """Plan the measures, and what they ask; `made` are the fingerprints of all stages before them."""
        made = dict(made)
        for name, measure in self.experiment.parts.measures.items():
            stage = measuring(self.experiment, self.store, name, made).stage
            made[stage.name] = stage.fingerprint
            span = self.clock.answering(stage, self.trained.get(""), self.experiment)
            one = timed(planned(stage, self.store), span)
            if one.state != "cached" and measure.wants:
                line = reference_line(self.experiment, self.store, measure.wants)
                self._referred(line, made["load/test"], measure.wants)
            if isinstance(measure, AskingMeasure):
                one = self._judged(one, measure, made)
            self._add(one)

    def _judged(self, one: PlannedStage, measure: AskingMeasure, made: Mapping[str, str]) -> PlannedStage:
        """Return the plan of a measure with what it asks."""
        self._may_ask((judge.name, judge) for judge in measure.judges.values())
        if one.state == "cached":
            return one
        line = reference_line(self.experiment, self.store, measure.wants)
        walk = self._walked(line, line.stages(made["load/test"]), measure.wants)
        answers = self._answers(measure, made)
        guesses = answers is None or bool(walk.guessed)
        reference = walk.line.handed(measure.wants)
        by_teacher = asked_by(measure, self.experiment, self.store, answers, reference, guesses)
        own = members_of(self.experiment.parts.teacher).items()
        self._may_ask((name or one.name, one) for name, one in own if key_of(one) in by_teacher)
        unknown = UNWRITTEN if answers is None else ""
        return replace(one, forecast=summed(by_teacher.values()), by_teacher=by_teacher, unknown=unknown)

    def _answers(self, measure: AskingMeasure, made: Mapping[str, str]) -> list[Prediction] | None:
        """Return what the student answered under the rule that a measure is of; None where it has not yet."""
        if not measure.of:
            return None
        upstream = {name: made[name] for name in ("load/test", "train")}
        parts, leaf = self.experiment.parts, self.experiment.config.evaluators[measure.of]
        stage = evaluation_stage(measure.of, parts.evaluators[measure.of], leaf, parts.task, upstream)
        found = self.store.find(stage)
        return None if found is None else predictions_of(found)

    def _baselines(self, loaded: str) -> None:
        """Plan what the student is held against; `loaded` is the fingerprint of the test questions."""
        self._tested(self.experiment, untrained_of(self.experiment, loaded), "untrained/")
        if (control := control_of(self.experiment)) is not None:
            trained = self._schooled(control, "label_only/")["train"]
            self._tested(control, {"load/test": loaded, "train": trained}, "label_only/")
        for line in answering_lines(self.experiment, self.store).values():
            if line is not None:
                self._referred(line, loaded)

    def _referred(self, line: GenerationLine, loaded: str, wanted: Collection[str] = ()) -> None:
        """Plan what a teacher gives for the test questions; `loaded` is their fingerprint."""
        self._generated(line, line.stages(loaded), "", wanted, "reference/")

    def _generated(
        self,
        line: GenerationLine,
        generated: Mapping[str, Stage],
        prefix: str,
        wanted: Collection[str] = (),
        name: str = "generate/",
    ) -> None:
        """Note generation steps under a prefix, with `name` in front of the step."""
        stages = {stage.name: stage for stage in generated.values()}
        for one in self._walked(line, generated, wanted).stages:
            span = self.clock.asking(stages[one.name], one.forecast, line.examples)
            self._add(timed(replace(one, name=one.name.replace("generate/", name)), span), prefix)

    def _walked(self, line: GenerationLine, generated: Mapping[str, Stage], wanted: Collection[str] = ()) -> Walk:
        """Return the plans of generation steps."""
        asked = list(asked_in(line))
        prices = [[asdict(teacher.price_per_million), asdict(teacher.budget)] for _, teacher in asked]
        key = digest([[stage.fingerprint for stage in generated.values()], sorted(wanted), prices])
        if key not in self.known.walks or not generated:
            self.known.walks[key] = Walk(line, generated, wanted)
        self._may_ask(asked)
        return self.known.walks[key]


def _reading(experiment: Experiment, line: GenerationLine, generated: Mapping[str, Stage]) -> tuple[Stage, int] | None:
    """Return the stage in which the teacher's distributions are read, and of how many texts; None while they are not
    there."""
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
    pairs = teaching.pairs()
    return teaching.stage(pairs, teaching.request), len(pairs)


def _unknown(name: str) -> PlannedStage:
    return PlannedStage(name, "to do", unknown="cannot be told before the texts that are learnt are there")
