"""The node of a split's questions."""

from dataclasses import dataclass

from distillrun.artifacts import Artifact, Stage
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.node import Making, Node, Seen
from distillrun.pipeline.stages.load import load, loading_stage
from distillrun.records import Split


@dataclass(frozen=True, kw_only=True)
class LoadNode(Node):
    """The questions of a split. Reading them has happened: a run is checked against them before it starts."""

    experiment: Experiment
    split: Split

    def stage(self, seen: Seen) -> Stage:
        """Return the stage of the split's content."""
        return loading_stage(self.experiment.parts.task, self.split, self.experiment.examples[self.split])

    def make(self, stage: Stage, making: Making) -> Artifact:
        """Store the questions."""
        return load(making.store, stage, self.experiment.parts.task, self.split, self.experiment.examples[self.split])
