"""What a student is held against: itself before training, itself taught by labels alone, and its teacher."""

import logging
from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf

from distillrun.artifacts import Artifact, ArtifactStore, digest
from distillrun.assessment import asked, score
from distillrun.build import build
from distillrun.composition import compose_first, conf_folder
from distillrun.evaluation.answer_of import answer_of
from distillrun.evaluation.share import share_by_group
from distillrun.experiment import Experiment, generating, student_leaves, student_loader
from distillrun.interfaces import AnyTeacher, RecordedTeacher, members_of
from distillrun.journal.line import spent_by
from distillrun.records import Score, is_right
from distillrun.result import Outcome
from distillrun.schooling import school
from distillrun.stages.generation_line import GenerationLine

log = logging.getLogger("distillrun")

STEPS = {"score": "choice_scores", "complete": "chain_of_thought"}
"""What a teacher can do -> the generation step in which it answers questions, the cheapest first."""


def add_baselines(experiment: Experiment, store: ArtifactStore, outcome: Outcome) -> None:
    """Note the scores of the untrained student, of one taught by labels for as many steps, and of the teacher."""
    log.info("baselines: the untrained student")
    outcome.baselines["untrained"] = _untrained(experiment, store, outcome)
    if _is_label_only(experiment):
        log.info("baselines: the student itself is taught by labels alone")
    else:
        log.info("baselines: a student taught by labels alone")
        outcome.baselines["label_only"] = _label_only(experiment, store, outcome)
    teachers: dict[str, AnyTeacher] = {"teacher": experiment.parts.teacher}
    if experiment.config.logit_teacher is not None:
        teachers["logit_teacher"] = experiment.parts.logit_teacher
    for name, teacher in teachers.items():
        if isinstance(teacher, RecordedTeacher):
            log.info("baselines: %s replays recordings and cannot be asked the test questions", name)
        else:
            log.info("baselines: %s answers the test questions", name)
            outcome.baselines[name] = _taught_by(experiment, store, outcome, teacher)


def _loaded(experiment: Experiment, outcome: Outcome) -> Outcome:
    """Return a fresh outcome of the same questions."""
    loaded = {name: made for name, made in outcome.stages.items() if name.startswith("load/")}
    return Outcome(experiment.config, experiment.examples, stages=loaded)


def _untrained(experiment: Experiment, store: ArtifactStore, outcome: Outcome) -> dict[str, Score]:
    own = _loaded(experiment, outcome)
    leaves = {"student": student_leaves(experiment)["student"], "seed": experiment.config.training.seed}
    upstream = {"load/test": own.stages["load/test"].fingerprint, "untrained": digest(leaves)}
    score(experiment, store, own, student_loader(experiment, None), upstream)
    return own.scores


def _is_label_only(experiment: Experiment) -> bool:
    return bool(experiment.config.objective == _label_only_leaf())


def _label_only_leaf() -> Any:
    return OmegaConf.to_container(OmegaConf.load(conf_folder() / "objective" / "label_only.yaml"))


def _label_only(experiment: Experiment, store: ArtifactStore, outcome: Outcome) -> dict[str, Score]:
    """Train the control as a run of objective=label_only would, or find it trained."""
    leaf = _label_only_leaf()
    config = replace(experiment.config, objective=leaf)
    parts = replace(experiment.parts, objective=build(leaf, "objective"))
    control = Experiment(config, parts, experiment.examples)
    own = _loaded(control, outcome)
    trained = school(control, store, lambda metrics, step: None, own)
    if not isinstance(trained, Artifact):
        raise TypeError("a run that is evaluated has trained")
    upstream = {name: own.stages[name].fingerprint for name in ("load/test", "train")}
    score(control, store, own, student_loader(control, trained), upstream)
    return own.scores


def _taught_by(experiment: Experiment, store: ArtifactStore, outcome: Outcome, teacher: AnyTeacher) -> dict[str, Score]:
    """Let a teacher answer the test questions, by the likelihood of the choices where it can tell it."""
    abilities = frozenset.intersection(*(member.can for member in members_of(teacher).values()))
    name = next(step for ability, step in STEPS.items() if ability in abilities)
    composed = compose_first([f"generation=[{name}]"])
    leaf: Any = OmegaConf.to_container(composed.generation.steps[name], resolve=True)
    config = replace(experiment.config, generation=replace(experiment.config.generation, steps={name: leaf}))
    parts = replace(experiment.parts, teacher=teacher, steps={name: build(leaf, "generation")})
    own = Experiment(config, parts, experiment.examples)
    examples = experiment.examples["test"]
    line = GenerationLine(store, parts.steps, parts.steps, generating(own), examples, "test")
    records = asked(line, outcome, {"choice_scores", "answers"})
    outcome.ledgers |= spent_by(store.root, teacher)
    right = [is_right(example, answer_of(record)) for example, record in zip(examples, records, strict=True)]
    return {f"test/{found.name}": found for found in share_by_group("accuracy", right, examples)}
