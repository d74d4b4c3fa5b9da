"""The planning of a run along its graph: nodes are counted instead of made."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from distillrun.artifacts import ArtifactStore, Stage, digest
from distillrun.interfaces import AskingMetric, Teacher, members_of
from distillrun.journal.client import TeacherClient, key_of
from distillrun.pipeline.disk_room import bytes_to_store, check_disk
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.graph import graph_of
from distillrun.pipeline.long_texts import CutTexts
from distillrun.pipeline.memory_room import check_memory, memory_to_train
from distillrun.pipeline.node import Node, Seen
from distillrun.pipeline.nodes.evaluation_node import EvaluationNode
from distillrun.pipeline.nodes.generation_node import GenerationNode
from distillrun.pipeline.nodes.learning_nodes import ReadLogitsNode, TrainNode
from distillrun.pipeline.nodes.load_node import LoadNode
from distillrun.pipeline.nodes.metric_node import MetricNode
from distillrun.pipeline.stages.evaluate import predictions_of
from distillrun.pipeline.stages.generation_run import GenerationRun
from distillrun.planning.asking import EXPLANATION_WORDS, asked_by
from distillrun.planning.clock import Clock
from distillrun.planning.forecast import request, summed
from distillrun.planning.generation_plan import GenerationPlan, asked_in
from distillrun.planning.plan import Plan, PlannedStage, TeacherPlan, planned, timed
from distillrun.planning.timing import Span
from distillrun.records import Prediction, Split
from distillrun.text.repeats import told

UNKNOWN = "cannot be known before the training texts are written"
UNWRITTEN = f"the student's future texts are counted with {EXPLANATION_WORDS} words a question"


@dataclass(slots=True)
class SharedPlans:
    """The plans that several runs have in common, each made once.

    Attributes:
        loads: the load stages, by the settings of the task.
        generation_plans: the plans of generation steps, by the fingerprints of the steps and what is read of them.
        spent: what teachers were asked so far, by their keys.
        clocks: the times of stored stages, by their store.
    """

    loads: dict[str, dict[Split, Stage]] = field(default_factory=dict)
    generation_plans: dict[str, GenerationPlan] = field(default_factory=dict)
    spent: dict[str, Mapping[str, int | float]] = field(default_factory=dict)
    clocks: dict[Path, Clock] = field(default_factory=dict)


def make_plan(experiment: Experiment, known: SharedPlans | None = None) -> Plan:
    """Return what a run of the experiment would do. Raises ConfigError where a step says that it cannot be done.

    Args:
        experiment: what would be run.
        known: of other runs from the same store; it is given what this one adds.
    """
    check_disk(experiment)
    check_memory(experiment)
    making = _Making(experiment, ArtifactStore(Path(experiment.config.paths.store)), known or SharedPlans())
    making.go()
    overlap = [*told(experiment.examples), *experiment.overlap().told()]
    return Plan([*making.stages.values()], making.teachers(), overlap, {**experiment.cut, **making.cut})


@dataclass(slots=True)
class _Making:
    """A plan that is being made.

    Attributes:
        experiment: what would be run.
        store: where its artifacts are.
        known: of other runs.
        seen: the nodes so far.
        stages: the plans of those that are not another one's, by name.
        asked: every teacher that may be asked, with its name, by its key.
        cut: what is cut of the texts that the student learns to write, as far as they are there.
    """

    experiment: Experiment
    store: ArtifactStore
    known: SharedPlans
    seen: Seen = field(default_factory=Seen)
    stages: dict[str, PlannedStage] = field(default_factory=dict)
    asked: dict[str, tuple[str, Teacher]] = field(default_factory=dict)
    cut: dict[str, CutTexts] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """The times of stages."""
        return self.known.clocks.setdefault(self.store.root, Clock(self.store))

    def go(self) -> None:
        """Count the nodes in their order."""
        graph = graph_of(self.experiment, self.store)
        for name, node in graph.items():
            stage = self._stage(node)
            if stage is not None:
                self.seen.stages[name] = stage
                if (found := self.store.find(stage)) is not None:
                    self.seen.artifacts[name] = found
            if not node.on_demand:
                for needed in self._demanded(graph, node):
                    self._count(needed)
                self._count(node)

    def teachers(self) -> list[TeacherPlan]:
        """Return every teacher that may be asked, with what remains to be asked of it."""
        found = []
        for key, (name, teacher) in self.asked.items():
            if key not in self.known.spent:
                self.known.spent[key] = TeacherClient(self.store.root, "", teacher).ledger.spent().as_dict()
            forecast = summed([stage.by_teacher[key] for stage in self.stages.values() if key in stage.by_teacher])
            price, budget = teacher.price_per_million, teacher.budget
            found.append(TeacherPlan(name, forecast, self.known.spent[key], budget, price, key))
        return found

    def _stage(self, node: Node) -> Stage | None:
        """Return what a node hashes; what many runs load is found out once."""
        if not isinstance(node, LoadNode):
            return node.known(self.seen)
        loads = self.known.loads.setdefault(digest(self.experiment.config.task), {})
        if node.split not in loads:
            loads[node.split] = node.stage(self.seen)
        return loads[node.split]

    def _demanded(self, graph: Mapping[str, Node], node: Node) -> list[Node]:
        """Return the nodes that a node asks to be made where it is not there itself."""
        if node.name in self.seen.artifacts:
            return []
        return [graph[name] for name in node.needs if graph[name].on_demand and name not in self.stages]

    def _count(self, node: Node) -> None:
        """Note the plan of a node, unless another part of the run makes the same artifact."""
        stage = self.seen.stages.get(node.name)
        if stage is None:
            self.stages[node.name] = self._sized(PlannedStage(node.name, "to do", unknown=UNKNOWN), node)
            return
        one = planned(stage, self.store)
        if isinstance(node, GenerationNode):
            one = self._generated(node)
        elif isinstance(node, MetricNode):
            one = self._judged(one, node)
        elif isinstance(node, TrainNode) and node.name == "train" and node.learning.known(self.seen):
            self.cut = node.learning.cut
        elif isinstance(node, ReadLogitsNode) and one.state != "cached":
            one = self._read(one, node)
        one = self._sized(one, node)
        one = timed(replace(one, name=node.name), self._time(node, stage, one))
        if all(other.fingerprint != one.fingerprint for other in self.stages.values()):
            self.stages[node.name] = one

    def _time(self, node: Node, stage: Stage, one: PlannedStage) -> Span | None:
        """Return how long a node takes, as far as stages like it tell."""
        match node:
            case LoadNode():
                return self.clock.loading(stage, self.experiment.examples[node.split])
            case GenerationNode():
                return self.clock.asking(
                    stage, one.forecast, self._generation_plan(node.generation).generation.examples
                )
            case ReadLogitsNode():
                teaching = node.teaching(self.seen)
                return self.clock.reading(stage, len(teaching.pairs)) if teaching else None
            case TrainNode():
                return self.clock.training(stage, node.learning.experiment)
            case EvaluationNode():
                return self.clock.answering(stage, self.seen.stages.get(node.trained or "train"), node.experiment)
            case MetricNode():
                return self.clock.answering(stage, self.seen.stages.get("train"), node.experiment)
        return self.clock.any_other(stage)

    def _may_ask(self, teachers: Iterable[tuple[str, Teacher]]) -> None:
        for name, teacher in teachers:
            self.asked.setdefault(key_of(teacher), (name, teacher))

    def _generated(self, node: GenerationNode) -> PlannedStage:
        """Return the plan of a generation step."""
        (one,) = [one for one in self._generation_plan(node.generation).stages if one.name == f"generate/{node.step}"]
        return one

    def _read(self, one: PlannedStage, node: ReadLogitsNode) -> PlannedStage:
        """Return the plan of a reading with what it asks of a server; what was read of one that began is not known."""
        teaching, teacher = node.teaching(self.seen), self.experiment.parts.logit_teacher
        if teaching is None or not isinstance(teacher, Teacher) or not (tokens := teaching.asked_tokens()):
            return one
        self._may_ask([(teacher.name, teacher)])
        price, begun = teacher.price_per_million, one.state == "resumable"
        forecast = summed(request(price, count, 1, 1, begun) for count in tokens)
        return replace(one, forecast=forecast, by_teacher={key_of(teacher): forecast})

    def _sized(self, one: PlannedStage, node: Node) -> PlannedStage:
        """Return the plan of a node with the room that it takes on the disk, or in memory."""
        if one.state == "cached":
            return one
        if isinstance(node, ReadLogitsNode):
            return replace(one, bytes=bytes_to_store(self.experiment))
        if isinstance(node, TrainNode):
            known = node.learning.known(self.seen)
            found = memory_to_train(node.learning.experiment, known[0] if known else None)
            return one if found is None else replace(one, memory=found.sizes())
        return one

    def _judged(self, one: PlannedStage, node: MetricNode) -> PlannedStage:
        """Return the plan of a measure with what it asks."""
        measure = node.wanted
        if not isinstance(measure, AskingMetric):
            return one
        self._may_ask((judge.name, judge) for judge in measure.judges.values())
        if one.state == "cached":
            return one
        plan = self._generation_plan(node.reference) if node.references else None
        answers = self._answers(measure)
        guesses = answers is None or (
            plan is not None and any(f"reference/{step}" in node.references for step in plan.guessed)
        )
        reference = (plan.generation if plan else node.reference).handed(measure.wants)
        by_teacher = asked_by(measure, self.experiment, self.store, answers, reference, guesses)
        own = members_of(self.experiment.parts.teacher).items()
        self._may_ask((name or one.name, one) for name, one in own if key_of(one) in by_teacher)
        unknown = UNWRITTEN if answers is None else ""
        return replace(one, forecast=summed(by_teacher.values()), by_teacher=by_teacher, unknown=unknown)

    def _answers(self, measure: AskingMetric) -> list[Prediction] | None:
        """Return what the student answered under the rule that a measure is of; None where it has not yet."""
        found = self.seen.artifacts.get(f"evaluate/{measure.of}")
        return None if found is None else predictions_of(found)

    def _generation_plan(self, generation: GenerationRun) -> GenerationPlan:
        """Return the plans of a generation run."""
        generated = generation.stages(self.seen.stages[f"load/{generation.split}"].fingerprint)
        asked = list(asked_in(generation))
        prices = [[asdict(teacher.price_per_million), asdict(teacher.budget)] for _, teacher in asked]
        key = digest([[stage.fingerprint for stage in generated.values()], prices])
        if key not in self.known.generation_plans or not generated:
            self.known.generation_plans[key] = GenerationPlan(generation.fresh(), generated)
        self._may_ask(asked)
        return self.known.generation_plans[key]
