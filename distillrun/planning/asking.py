"""Counts of a metric's requests to judges, for a student that may not have written anything yet."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from distillrun.artifacts import ArtifactStore
from distillrun.interfaces import Account, AskingMetric, ChoiceModel, MetricContext, Task, WritingStudent
from distillrun.journal.client import key_of
from distillrun.pipeline.experiment import Experiment
from distillrun.pipeline.nodes.metric_node import JUDGING, after
from distillrun.planning.counting import JournalSnapshot, PlanningContext
from distillrun.planning.forecast import Forecast
from distillrun.planning.placeholder import WORDS
from distillrun.records import (
    Budget,
    Completion,
    Draw,
    Example,
    Json,
    MetricResult,
    Prediction,
    Price,
    Prompt,
    Sampling,
    TeacherRecord,
)

EXPLANATION_WORDS = 50
"""So long is an explanation that is not written yet."""


def asked_by(
    measure: AskingMetric,
    experiment: Experiment,
    store: ArtifactStore,
    predictions: Sequence[Prediction] | None,
    reference: Sequence[TeacherRecord],
    rests_on_guesses: bool,
) -> dict[str, Forecast]:
    """Return what a measure of a run asks of each teacher, by its key.

    Args:
        measure: of the run.
        experiment: the run.
        store: where its journals are.
        predictions: of the evaluator that the measure is of; None = not written yet.
        reference: what the run's teacher gives for the test questions.
        rests_on_guesses: some of `predictions` or `reference` is not written yet.
    """
    config, parts, examples = experiment.config, experiment.parts, experiment.examples["test"]
    journals = JournalSnapshot(store.root, JUDGING)
    context = PlanningContext(journals, parts.task, parts.teacher, (), config.generation, True, rests_on_guesses)
    writes = isinstance(parts.student, WritingStudent)
    measure.foresee(
        MetricContext(
            task=parts.task,
            objective=parts.objective,
            examples=examples,
            dev=experiment.examples["dev"],
            predictions=_unwritten(experiment, examples) if predictions is None else predictions,
            trained_on=experiment.examples["train"],
            records=None,
            student=_unloaded,
            untrained=_unloaded,
            reference=lambda: reference,
            answer=lambda load, questions: _unwritten(experiment, questions),
            speaker=lambda trained: _Speaker() if writes else None,
            teacher=parts.teacher,
            logit_teacher=parts.logit_teacher,
            judging=context,
            findings={name: MetricResult() for name in after(measure)},
            teach=lambda pupil, questions, steps: _unloaded(),
            tokens_per_batch=config.runtime.tokens_per_batch,
        )
    )
    return {key: forecast for key, forecast in context.by_teacher.items() if key != key_of(_Speaker())}


def _unloaded() -> ChoiceModel:
    raise TypeError("a plan loads no student")


def _unwritten(experiment: Experiment, examples: Sequence[Example]) -> list[Prediction]:
    """Return what stands for a student's answers, with explanations where it gives any."""
    task, found = experiment.parts.task, []
    for example in examples:
        query = experiment.parts.objective.query(example, task)
        explains = query.explain is not None or query.rationale != "none"
        rationale = " ".join(Random(example.id).choices(WORDS, k=EXPLANATION_WORDS)) if explains else ""
        choice = example.answer or 0
        found.append(Prediction(example.id, task.answer(example, choice), rationale, choice))
    return found


class _Speaker:
    """A stand-in for a student that is asked something; its answers cost nothing."""

    name = "student"
    can = frozenset({"complete"})
    price_per_million = Price(0.0, 0.0)
    budget = Budget(None, None, None)

    def check(self, task: Task) -> list[str]:
        return []

    def identity(self) -> Mapping[str, Json]:
        return {"stands for": "a student"}

    def prompt_tokens(self, prompt: Prompt) -> int:
        return 0

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        raise TypeError("a plan asks nobody")

    def release(self) -> None: ...
