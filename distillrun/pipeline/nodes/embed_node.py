"""The node of the vectors that a frozen encoder gives to a split's texts."""

from dataclasses import dataclass
from functools import cached_property

from distillrun.artifacts import Artifact, Stage
from distillrun.interfaces import EmbeddingStudent, out_of_scope
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.node import Making, Node, Seen
from distillrun.pipeline.stages.embed import embed, embedding_stage, texts_read
from distillrun.records import Split


@dataclass(frozen=True, kw_only=True)
class EmbedNode(Node):
    """The vectors of a split's texts; runs with other seeds, objectives and training settings share them."""

    experiment: Experiment
    student: EmbeddingStudent
    split: Split

    @cached_property
    def texts(self) -> list[str]:
        """The texts that the student reads, those among them that have none of the task's labels."""
        parts = self.experiment.parts
        apart = out_of_scope(parts.task, self.split) if self.split != "train" else []
        return texts_read(parts.objective, parts.task, [*self.experiment.examples[self.split], *apart])

    def stage(self, seen: Seen) -> Stage:
        """Return the stage of the vectors."""
        return embedding_stage(self.student, self.split, self.texts)

    def make(self, stage: Stage, making: Making) -> Artifact:
        """Make the vectors, or find them made."""
        return embed(making.store, stage, self.student, self.texts, self.experiment.config.runtime)
