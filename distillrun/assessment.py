"""What a trained student is worth: every scoring rule, then every measure."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from distillrun.artifacts import Artifact, ArtifactStore
from distillrun.experiment import Experiment, generating, student_loader
from distillrun.interfaces import (
    Answered,
    ChoiceModel,
    ExpansionStep,
    Measure,
)
from distillrun.journal.context import JournaledContext
from distillrun.journal.line import spent_by
from distillrun.journal.usage import Usage
from distillrun.records import TeacherRecord
from distillrun.result import Outcome
from distillrun.stages.evaluate import evaluate, predictions_of, scores_of
from distillrun.stages.generation_line import GenerationLine
from distillrun.stages.handing import chosen_steps
from distillrun.stages.measure import Measuring, finding_of, measure


def assess(experiment: Experiment, store: ArtifactStore, outcome: Outcome) -> None:
    """Score the trained student by every rule, then take every measure of it, noting all of it in the outcome."""
    student = student_loader(experiment, outcome.stages["train"])
    _score(experiment, store, outcome, student)
    _measure(experiment, store, outcome, student)


def _score(experiment: Experiment, store: ArtifactStore, outcome: Outcome, student: Callable[[], ChoiceModel]) -> None:
    config, parts = experiment.config, experiment.parts
    for name, evaluator in parts.evaluators.items():
        made = evaluate(
            store,
            name,
            evaluator,
            config.evaluation[name],
            student,
            parts.objective,
            parts.task,
            experiment.examples["test"],
            outcome.stages["load/test"],
            outcome.stages["train"],
            config.runtime,
        )
        outcome.stages[f"evaluate/{name}"] = made
        outcome.predictions[name] = predictions_of(made)
        outcome.add_scores([replace(score, name=f"test/{score.name}") for score in scores_of(made)])


def _measure(
    experiment: Experiment, store: ArtifactStore, outcome: Outcome, student: Callable[[], ChoiceModel]
) -> None:
    config, parts = experiment.config, experiment.parts
    untrained = student_loader(experiment, None)
    for name, wanted in parts.measures.items():
        line = _reference_line(experiment, store, wanted)
        reading = _reference_stages(line, outcome.stages["load/test"])
        measuring = Measuring(name, wanted, config.evaluation[name], _looked_at(outcome, wanted, reading))
        usage = outcome.asked.setdefault(name, Usage())
        context = JournaledContext(
            store.root,
            name,
            parts.task,
            parts.teacher,
            (),
            replace(config.generation, max_failed_share=1.0),  # what a judge cannot tell is counted, not fatal
            config.runtime.progress,
            usage,
        )
        answered = Answered(
            parts.task,
            parts.objective,
            experiment.examples["test"],
            outcome.predictions.get(wanted.of, ()),
            outcome.taught or experiment.examples["train"],
            outcome.records,
            student,
            untrained,
            partial(_reference, line, outcome, wanted.wants),
            context,
            config.runtime.tokens_per_batch,
        )
        made = measure(store, measuring, answered)
        outcome.stages[f"evaluate/{name}"] = made
        outcome.findings[name] = found = finding_of(made)
        outcome.add_scores([replace(score, name=f"test/{score.name}") for score in found.scores])
        for teacher in (parts.teacher, *wanted.teachers):
            teacher.release()
            outcome.ledgers |= spent_by(store.root, teacher)


def _looked_at(outcome: Outcome, wanted: Measure, reading: Mapping[str, str]) -> dict[str, str]:
    """Return the fingerprints of what a measure looks at."""
    looked_at = ["load/test", "train", *([f"evaluate/{wanted.of}"] if wanted.of else [])]
    looked_at += [name for name in outcome.stages if name.startswith(("load/train", "generate/"))]
    return {name: outcome.stages[name].fingerprint for name in looked_at} | dict(reading)


def _reference_line(experiment: Experiment, store: ArtifactStore, wanted: Measure) -> GenerationLine:
    """Return the steps in which the run's teacher answers the test questions as far as a measure wants it."""
    steps = {name: step for name, step in experiment.parts.steps.items() if not isinstance(step, ExpansionStep)}
    chosen = chosen_steps(steps, experiment.parts.teacher, wanted.wants)
    return GenerationLine(store, steps, chosen, generating(experiment), experiment.examples["test"], "test")


def _reference_stages(line: GenerationLine, loaded: Artifact) -> dict[str, str]:
    """Return the fingerprints of a reference's steps, under names of their own."""
    return {f"reference/{stage.name}": stage.fingerprint for stage in line.stages(loaded.fingerprint).values()}


def _reference(line: GenerationLine, outcome: Outcome, kinds: frozenset[str]) -> list[TeacherRecord]:
    """Let the run's teacher answer the test questions, or find them answered."""
    for name, artifact in line.run(outcome.stages["load/test"].fingerprint):
        outcome.stages[f"reference/{name}"] = artifact
        outcome.asked[f"reference/{name}"] = line.asked[name]
    return line.handed(kinds)
