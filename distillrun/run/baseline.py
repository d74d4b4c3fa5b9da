"""What a student is held against: itself before training, itself taught by labels alone, and its teacher."""

import logging
from dataclasses import replace
from functools import cache
from typing import Any

from omegaconf import OmegaConf

from distillrun.artifacts import Artifact, ArtifactStore, digest
from distillrun.artifacts.meaning import with_meanings
from distillrun.config.build import build
from distillrun.config.compose import compose_first, conf_folder
from distillrun.evaluation.shared.share import share_by_group
from distillrun.interfaces import AnyTeacher, RecordedTeacher, members_of
from distillrun.journal.client import spent_by
from distillrun.records import Score, answer_of, is_right
from distillrun.run.evaluation_run import asked, score
from distillrun.run.experiment import Experiment, generating, student_leaves, student_loader
from distillrun.run.result import Outcome
from distillrun.run.stages.generation_run import GenerationLine
from distillrun.run.training_run import school

log = logging.getLogger("distillrun")

STEPS = {"score": "choice_scores", "complete": "chain_of_thought"}
"""What a teacher can do -> the generation step in which it answers questions, the cheapest first."""


def add_baselines(experiment: Experiment, store: ArtifactStore, outcome: Outcome) -> None:
    """Note the scores of the untrained student, of one taught by labels for as many steps, and of the teacher."""
    log.info("baselines: the untrained student")
    outcome.baselines["untrained"] = _untrained(experiment, store, outcome)
    if (control := control_of(experiment)) is None:
        log.info("baselines: the student itself is taught by labels alone")
    else:
        log.info("baselines: a student taught by labels alone")
        outcome.baselines["label_only"] = _label_only(control, store, outcome)
    for name, answering in answering_lines(experiment, store).items():
        if answering is None:
            log.info("baselines: %s replays recordings and cannot be asked the test questions", name)
        else:
            log.info("baselines: %s answers the test questions", name)
            outcome.baselines[name] = _taught_by(answering, experiment, store, outcome)


def control_of(experiment: Experiment) -> Experiment | None:
    """Return the run whose student is taught by labels alone; None where the student itself is."""
    leaf: Any = OmegaConf.to_container(OmegaConf.load(conf_folder() / "objective" / "label_only.yaml"))
    if experiment.config.objective == leaf:
        return None
    config = replace(experiment.config, objective=leaf)
    return Experiment(config, replace(experiment.parts, objective=build(leaf, "objective")), experiment.examples)


def untrained_of(experiment: Experiment, loaded: str) -> dict[str, str]:
    """Return what the answers of the untrained student depend on; `loaded` is the fingerprint of the test questions."""
    leaves = {"student": with_meanings(student_leaves(experiment)["student"]), "seed": experiment.config.training.seed}
    return {"load/test": loaded, "untrained": digest(leaves)}


def answering_lines(experiment: Experiment, store: ArtifactStore) -> dict[str, GenerationLine | None]:
    """Return the step in which each teacher of a run answers the test questions, by the likelihood of the choices
    where it can tell it; None for one that only replays recordings."""
    teachers: dict[str, AnyTeacher] = {"teacher": experiment.parts.teacher}
    if experiment.config.logit_teacher is not None:
        teachers["logit_teacher"] = experiment.parts.logit_teacher
    return {
        name: None if isinstance(teacher, RecordedTeacher) else _answering(experiment, store, teacher)
        for name, teacher in teachers.items()
    }


def _answering(experiment: Experiment, store: ArtifactStore, teacher: AnyTeacher) -> GenerationLine:
    abilities = frozenset.intersection(*(member.can for member in members_of(teacher).values()))
    name = next(step for ability, step in STEPS.items() if ability in abilities)
    leaf = _step_leaf(name)
    config = replace(experiment.config, generation=replace(experiment.config.generation, steps={name: leaf}))
    parts = replace(experiment.parts, teacher=teacher, steps={name: build(leaf, "generation")})
    own = Experiment(config, parts, experiment.examples)
    return GenerationLine(store, parts.steps, parts.steps, generating(own), experiment.examples["test"], "test")


@cache
def _step_leaf(name: str) -> Any:
    return OmegaConf.to_container(compose_first([f"generation=[{name}]"]).generation.steps[name], resolve=True)


def _loaded(experiment: Experiment, outcome: Outcome) -> Outcome:
    """Return a fresh outcome of the same questions."""
    loaded = {name: made for name, made in outcome.stages.items() if name.startswith("load/")}
    return Outcome(experiment.config, experiment.examples, stages=loaded)


def _untrained(experiment: Experiment, store: ArtifactStore, outcome: Outcome) -> dict[str, Score]:
    own = _loaded(experiment, outcome)
    upstream = untrained_of(experiment, own.stages["load/test"].fingerprint)
    score(experiment, store, own, student_loader(experiment, None), upstream)
    return own.scores


def _label_only(control: Experiment, store: ArtifactStore, outcome: Outcome) -> dict[str, Score]:
    """Train the control as a run of objective=label_only would, or find it trained."""
    own = _loaded(control, outcome)
    trained = school(control, store, lambda metrics, step: None, own)
    if not isinstance(trained, Artifact):
        raise TypeError("a run that is evaluated has trained")
    upstream = {name: own.stages[name].fingerprint for name in ("load/test", "train")}
    score(control, store, own, student_loader(control, trained), upstream)
    return own.scores


def _taught_by(
    line: GenerationLine, experiment: Experiment, store: ArtifactStore, outcome: Outcome
) -> dict[str, Score]:
    """Let a teacher answer the test questions."""
    examples = experiment.examples["test"]
    records = asked(line, outcome, {"choice_scores", "answers"})
    outcome.ledgers |= spent_by(store.root, line.shared.teacher)
    right = [is_right(example, answer_of(record, example)) for example, record in zip(examples, records, strict=True)]
    return {f"test/{found.name}": found for found in share_by_group("accuracy", right, examples)}
