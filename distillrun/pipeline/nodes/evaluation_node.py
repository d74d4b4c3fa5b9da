"""The node of a scoring rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from distillrun.artifacts import Artifact, Stage
from distillrun.evaluation.shared.share import sliced, untouched
from distillrun.interfaces import slices_of
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.node import Making, Node, Seen
from distillrun.pipeline.outcome import Outcome
from distillrun.pipeline.stages.evaluate import Evaluation, evaluate, predictions_of, scores_of
from distillrun.records import Score


@dataclass(frozen=True, kw_only=True)
class EvaluationNode(Node):
    """A student's answers to the test questions under one scoring rule.

    Attributes:
        experiment: whose rule it is.
        rule: its name in the config.
        trained: the name of the node that trains the student; None for the student before its training.
        who: whose scores these are among the baselines; empty for the run's own student.
        identity: what else tells the student from others, as digests.
    """

    experiment: Experiment
    rule: str
    trained: str | None
    who: str = ""
    identity: Mapping[str, str] = field(default_factory=dict)

    @property
    def evaluation(self) -> Evaluation:
        """The rule with the test questions."""
        config, parts = self.experiment.config, self.experiment.parts
        rule, own = parts.evaluators[self.rule], config.evaluators[self.rule]
        examples = self.experiment.examples["test"]
        return Evaluation(self.rule, rule, own, parts.objective, parts.task, examples, config.runtime)

    def stage(self, seen: Seen) -> Stage:
        """Return the stage of the answers."""
        return self.evaluation.stage({**seen.upstream(self.needs), **self.identity})

    def make(self, stage: Stage, making: Making) -> Artifact:
        """Have the student answer, or find its answers."""
        return evaluate(making.store, stage, self.evaluation, making.student(self.experiment, self.trained))

    def note(self, made: Artifact, outcome: Outcome) -> None:
        """Note the answers and the scores in the outcome, those on questions that no other split has among them."""
        examples, predictions = self.experiment.examples["test"], predictions_of(made)
        rule = self.experiment.parts.evaluators[self.rule]

        def score(places: Sequence[int]) -> list[Score]:
            return rule.score([predictions[place] for place in places], [examples[place] for place in places])

        outcome.add_tested(scores_of(made), self.who)
        outcome.add_tested(untouched("accuracy", score, examples, outcome.touched()), self.who)
        outcome.add_tested(sliced("accuracy", score, examples, slices_of(self.experiment.parts.task)), self.who)
        if not self.who:
            outcome.predictions[self.rule] = predictions
