"""The options that take part in a run: a config chooses one of each group, even where no stage uses it."""

from collections.abc import Iterator

from distillrun.config.schema import Until
from distillrun.interfaces import requirements_of
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.graph import Graph
from distillrun.pipeline.nodes.baseline_nodes import TeacherAnswersNode
from distillrun.pipeline.nodes.generation_node import GenerationNode
from distillrun.records import Json

WHITE_BOX = "teacher@logit_teacher"
"""The group of the teacher whose distributions are read, where another one writes."""


def options_in_use(experiment: Experiment, graph: Graph) -> dict[str, Json]:
    """Return the chosen option of each group that a stage of the run uses; of steps and rules, their names."""
    asking = [node for node in graph.values() if isinstance(node, GenerationNode)]
    own = [node for node in asking if not isinstance(node, TeacherAnswersNode)]
    steps: list[Json] = list(dict.fromkeys(node.step for node in own))
    rules: list[Json] = [name for name in experiment.config.evaluators if f"evaluate/{name}" in graph]
    unused = {"teacher", WHITE_BOX} - {*_teachers(experiment, asking)}
    unused |= {"objective", "student", "training"} if "train" not in graph and "read_logits" not in graph else set()
    unused |= {f"generation.steps.{name}" for name in experiment.parts.steps if name not in steps}
    unused |= {f"evaluation.{name}" for name in experiment.config.evaluators if name not in rules}

    def is_used(group: str) -> bool:
        inside = f"{group.rpartition('@')[2]}."  # such as objective.texts. of objective@objective.texts
        return group not in unused and not any(inside.startswith(f"{part}.") for part in unused)

    found = {group: option for group, option in experiment.config.selected.items() if is_used(group)}
    found |= {"evaluation": rules, "generation": steps}
    return {group: option for group, option in found.items() if option not in (None, [])}


def _teachers(experiment: Experiment, asking: list[GenerationNode]) -> Iterator[str]:
    """Yield the groups of the teachers that are asked, replayed or read; a step may have a teacher of its own."""
    reads = WHITE_BOX if experiment.config.logit_teacher is not None else "teacher"
    for node in asking:
        step = node.generation.chosen[node.step]
        if isinstance(node, TeacherAnswersNode):
            yield reads if node.who == "logit_teacher" else "teacher"
        elif step.asks or not step.makes:
            yield "teacher"
    config = experiment.config
    learns = config.until not in (Until.load, Until.generate) and config.training.max_steps > 0
    if learns and requirements_of(experiment.parts.objective).teacher in ("stored", "live"):
        yield reads
