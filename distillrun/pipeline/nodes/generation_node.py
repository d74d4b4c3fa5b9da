"""The nodes of generation steps: what teachers give for training questions, and for test questions as a reference."""

import logging
from dataclasses import dataclass

from distillrun.artifacts import Artifact, Stage
from distillrun.journal.client import spent_by
from distillrun.pipeline.node import Making, Node, Seen
from distillrun.pipeline.outcome import Outcome
from distillrun.pipeline.stages.generation_run import GenerationRun
from distillrun.report.data_card import noise_sentences

log = logging.getLogger("distillrun")


@dataclass(frozen=True, kw_only=True)
class GenerationNode(Node):
    """One step of a generation run; the teachers leave memory after the last one, or where one fails."""

    generation: GenerationRun
    step: str

    def stage(self, seen: Seen) -> Stage:
        """Return the stage of the step: it does not depend on what earlier steps made, only on how they made it."""
        return self.generation.stages(seen.stages[self.needs[0]].fingerprint)[self.step]

    def make(self, stage: Stage, making: Making) -> Artifact:
        """Run the step, or find it done, and note what was asked however it ends."""
        made = None
        try:
            made = self.generation.make(self.step, stage)
            return made
        finally:
            asked = self.generation.asked[self.step]
            if asked.requests or self.name.startswith("generate/"):
                making.outcome.asked[self.name.removeprefix("generate/")] = asked
            for teacher in self.generation.teachers if made is None or self.is_last else ():
                teacher.release()
                making.outcome.ledgers |= spent_by(making.store.root, teacher)

    @property
    def is_last(self) -> bool:
        """True if no later step of this run asks the teacher anything, as far as that is known."""
        return not self.on_demand and self.step == [*self.generation.chosen][-1]


@dataclass(frozen=True, kw_only=True)
class TaughtNode(GenerationNode):
    """A step whose records the run's own student learns from: the outcome tells them."""

    wanted: frozenset[str]

    def note(self, made: Artifact, outcome: Outcome) -> None:
        """Note the questions and their records in the outcome, once all steps are done."""
        if self.is_last:
            outcome.taught = self.generation.examples
            outcome.records = self.generation.handed(self.wanted)
            if answered := self.generation.answered():
                outcome.answered["train"] = answered
                for told in noise_sentences(outcome.label_noise()):
                    log.info("labels: %s", told)
