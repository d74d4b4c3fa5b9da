"""The graph of a run: every stage declared once. A run makes it, a plan counts it, and `until` cuts it.

A new stage is a subclass of `Node` in `pipeline/nodes/`, with the methods that `pipeline/node.py` describes, and a
function below, named in `DECLARATIONS`, that yields it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from distillrun.artifacts import ArtifactStore
from distillrun.config.schema import Until
from distillrun.interfaces import EmbeddingStudent, ExpansionStep, requirements_of
from distillrun.pipeline.experiment import SPLITS, Experiment, generating, generation_run
from distillrun.pipeline.node import EMBED, Node
from distillrun.pipeline.nodes.baseline_nodes import (
    TeacherAnswersNode,
    answering_run,
    control_of,
    teachers_of,
    untrained_identity,
)
from distillrun.pipeline.nodes.embed_node import EmbedNode
from distillrun.pipeline.nodes.evaluation_node import EvaluationNode
from distillrun.pipeline.nodes.generation_node import GenerationNode, TaughtNode
from distillrun.pipeline.nodes.learning_nodes import Learning, ReadLogitsNode, TrainNode, UntrainedNode
from distillrun.pipeline.nodes.load_node import LoadNode
from distillrun.pipeline.nodes.metric_node import MetricNode, after
from distillrun.pipeline.preflight_generation import wanted_kinds
from distillrun.pipeline.stages.generation_run import GenerationRun
from distillrun.pipeline.stages.step_outputs import chosen_steps
from distillrun.pipeline.warm_start import warm_start_of

Graph = Mapping[str, Node]
"""The nodes of a run by their names, in the order in which they are made."""


def graph_of(experiment: Experiment, store: ArtifactStore) -> Graph:
    """Return the nodes of a run, as far as its `until` asks, in the order in which they are made."""
    graph: dict[str, Node] = {}
    last = [*Until].index(experiment.config.until)
    for declare in DECLARATIONS:
        for node in declare(experiment, store, graph):
            if [*Until].index(node.until) <= last:
                graph[node.name] = node
    return graph


def _loads(experiment: Experiment, store: ArtifactStore, graph: Graph) -> Iterator[Node]:
    for split in SPLITS:
        yield LoadNode(f"load/{split}", Until.load, experiment=experiment, split=split)


def _learning(experiment: Experiment, store: ArtifactStore, graph: Graph, prefix: str = "") -> Iterator[Node]:
    """Declare what leads to a trained student: generation steps, the reading of distributions, the training."""
    generation = generation_run(experiment, store)
    learning = Learning(experiment, generation, prefix)
    needs = ["load/train", "load/dev"]
    if not experiment.config.training.max_steps and not generation.chosen:
        yield UntrainedNode(f"{prefix}train", Until.train, ("load/train",), experiment=experiment)
        return
    wanted = wanted_kinds(experiment.config, experiment.parts)
    first = warm_start_of(experiment)
    for step in generation.chosen:
        name = f"{prefix}generate/{step}"
        earlier = tuple(needs[2:])
        if prefix:
            yield GenerationNode(name, Until.generate, ("load/train", *earlier), generation=generation, step=step)
        else:
            yield TaughtNode(
                name, Until.generate, ("load/train", *earlier), generation=generation, step=step, wanted=wanted
            )
        needs.append(name)
    start = None
    if first is not None:
        start = f"{prefix}warm_start"
        yield TrainNode(start, Until.train, tuple(needs), learning=Learning(first, generation, prefix))
    if requirements_of(experiment.parts.objective).teacher == "stored":
        name = f"{prefix}read_logits"
        yield ReadLogitsNode(name, Until.read_logits, tuple(needs), learning=learning)
        needs.append(name)
    if not prefix:
        for node in _embeddings(experiment):
            needs += [node.name] if node.until is Until.train else []
            yield node
    needs += [start] if start else []
    yield TrainNode(f"{prefix}train", Until.train, tuple(needs), learning=learning, starts_from=start)


def _embeddings(experiment: Experiment) -> Iterator[EmbedNode]:
    """Declare the vectors of texts that a frozen encoder makes once."""
    student = experiment.parts.student
    if isinstance(student, EmbeddingStudent) and student.freezes:
        for split in SPLITS:
            until = Until.evaluate if split == "test" else Until.train
            yield EmbedNode(
                EMBED.format(split),
                until,
                (f"load/{split}",),
                on_demand=True,
                experiment=experiment,
                student=student,
                split=split,
            )


def _rules(
    experiment: Experiment, store: ArtifactStore, graph: Graph, who: str = "", trained: str | None = "train"
) -> Iterator[Node]:
    """Declare the scoring of a student by every rule.

    Args:
        who: whose scores they are among the baselines; empty for the run's own student.
        trained: the node that trains the student; None for the student before its training.
    """
    identity = {} if trained else untrained_identity(experiment)
    for rule in experiment.parts.evaluators:
        name = f"{who}/evaluate/{rule}" if who else f"evaluate/{rule}"
        yield EvaluationNode(
            name,
            Until.evaluate,
            ("load/test", *([trained] if trained else []), *(name for name in [EMBED.format("test")] if name in graph)),
            experiment=experiment,
            rule=rule,
            trained=trained,
            who=who,
            identity=identity,
        )


def _measures(experiment: Experiment, store: ArtifactStore, graph: Graph) -> Iterator[Node]:
    """Declare the measures, and what the run's teacher gives for the test questions where a measure wants it."""
    measures, teacher = experiment.parts.measures, experiment.parts.teacher
    # new questions have no place among those of the test
    steps = {name: step for name, step in experiment.parts.steps.items() if not isinstance(step, ExpansionStep)}
    wanted = frozenset(kind for measure in measures.values() for kind in measure.wants)
    chosen = chosen_steps(steps, teacher, wanted)
    generation = GenerationRun(
        store, steps, chosen, generating(experiment), experiment.examples["test"], "test", wanted
    )
    for step in chosen:
        yield GenerationNode(
            f"reference/{step}", Until.evaluate, ("load/test",), on_demand=True, generation=generation, step=step
        )
    taught = tuple(name for name in graph if name.startswith("generate/"))
    for name, measure in measures.items():
        references = tuple(f"reference/{step}" for step in chosen_steps(steps, teacher, measure.wants))
        of = (f"evaluate/{measure.of}",) if measure.of else ()
        looked_at = ("load/test", "train", *of, "load/train", *taught, *(f"evaluate/{one}" for one in after(measure)))
        yield MetricNode(
            f"evaluate/{name}",
            Until.evaluate,
            (*dict.fromkeys(looked_at), *references),
            experiment=experiment,
            measure=name,
            reference=generation,
            references=references,
        )


def _baselines(experiment: Experiment, store: ArtifactStore, graph: Graph) -> Iterator[Node]:
    """Declare the baselines: the untrained student, the label-only student, and the teachers."""
    if not experiment.config.baselines:
        return
    learns = bool(experiment.config.training.max_steps)
    if learns:
        yield from _rules(experiment, store, graph, "untrained", None)
    if learns and (control := control_of(experiment)) is not None:
        for node in _learning(control, store, graph, "label_only/"):
            yield replace(node, until=Until.evaluate)  # a run that ends with its own student needs no other
        yield from _rules(control, store, graph, "label_only", "label_only/train")
    taken = set(graph)
    for who, teacher in teachers_of(experiment).items():
        if (generation := answering_run(experiment, store, teacher)) is None:
            continue
        (step,) = generation.chosen
        name = f"reference/{step}" if f"reference/{step}" not in taken else f"reference/{who}/{step}"
        taken.add(name)
        yield TeacherAnswersNode(
            name, Until.evaluate, ("load/test",), generation=generation, step=step, who=who, experiment=experiment
        )


DECLARATIONS: tuple[Callable[[Experiment, ArtifactStore, Graph], Iterator[Node]], ...] = (
    _loads,
    _learning,
    _rules,
    _measures,
    _baselines,
)
"""What declares the nodes, in their order: each is given those before it."""
