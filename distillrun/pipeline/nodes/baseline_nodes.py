"""The nodes of the baselines: the untrained student, the label-only student, and the teachers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from omegaconf import OmegaConf

from distillrun.artifacts import Artifact, ArtifactStore, digest
from distillrun.artifacts.meaning import with_meanings
from distillrun.config.build import build
from distillrun.config.compose import compose_first, conf_folder
from distillrun.evaluation.shared.share import share, share_by_group, sliced, untouched
from distillrun.interfaces import (
    AnyTeacher,
    FreeFormTask,
    GenerationStep,
    LabelStudent,
    LabelTask,
    RecordedTeacher,
    members_of,
    slices_of,
)
from distillrun.pipeline.experiment import Experiment, generating, student_settings
from distillrun.pipeline.nodes.generation_node import GenerationNode
from distillrun.pipeline.outcome import Outcome
from distillrun.pipeline.preflight_generation import is_labelled
from distillrun.pipeline.stages.generation_run import GenerationRun
from distillrun.pipeline.stages.step_outputs import label_kind
from distillrun.records import Score, answer_of, is_right

STEPS = {"score": "choice_scores", "complete": "chain_of_thought"}
"""What a teacher can do -> the generation step in which it answers questions, the cheapest first."""

LABEL_STEPS = {"complete": "label", "score": "choice_scores"}
"""The same of labels, of which there are more than letters."""


FREE_STEPS = {"complete": "chain_of_thought"}
"""The same of answers in free form: the run's own step of that name, where it has one."""


@dataclass(frozen=True, kw_only=True)
class TeacherAnswersNode(GenerationNode):
    """A teacher's answers to the test questions, and how often they are right.

    Attributes:
        who: the teacher, among the baselines.
        experiment: whose test questions they are.
    """

    who: str
    experiment: Experiment

    def note(self, made: Artifact, outcome: Outcome) -> None:
        """Note in the outcome how often the teacher is right."""
        examples = self.experiment.examples["test"]
        records = self.generation.handed({"choice_scores", "answers"})
        right = [
            is_right(example, answer_of(record, example)) for example, record in zip(examples, records, strict=True)
        ]
        outcome.add_tested(share_by_group("accuracy", right, examples), self.who)

        def score(places: Sequence[int]) -> list[Score]:
            return [share("accuracy", [right[place] for place in places])]

        outcome.add_tested(untouched("accuracy", score, examples, outcome.touched()), self.who)
        outcome.add_tested(sliced("accuracy", score, examples, slices_of(self.experiment.parts.task)), self.who)
        if self.who == "teacher":
            outcome.answered["test"] = records


def control_of(experiment: Experiment) -> Experiment | None:
    """Return the run whose student is trained on labels alone; None where the student itself is.

    A label student reads what the run's own does, so that vectors of texts are those that are there.
    """
    option: Any = OmegaConf.to_container(OmegaConf.load(conf_folder() / "objective" / "label_only.yaml"))
    if isinstance(experiment.parts.student, LabelStudent):
        own: Any = experiment.config.objective
        option = next((one for one in (own, own.get("texts")) if one and one["_target_"] == option["_target_"]), option)
    if experiment.config.objective == option:
        return None
    config = replace(experiment.config, objective=option)
    return Experiment(config, replace(experiment.parts, objective=build(option, "objective")), experiment.examples)


def untrained_identity(experiment: Experiment) -> dict[str, str]:
    """Return what tells the untrained student from others, as a digest."""
    student = with_meanings(student_settings(experiment)["student"])
    return {"untrained": digest({"student": student, "seed": experiment.config.training.seed})}


def teachers_of(experiment: Experiment) -> dict[str, AnyTeacher]:
    """Return the teachers of a run by what they are there for."""
    teachers: dict[str, AnyTeacher] = {"teacher": experiment.parts.teacher}
    if experiment.config.logit_teacher is not None:
        teachers["logit_teacher"] = experiment.parts.logit_teacher
    return teachers


def answering_run(experiment: Experiment, store: ArtifactStore, teacher: AnyTeacher) -> GenerationRun | None:
    """Return the step in which a teacher answers the test questions; None for one that only replays recordings.

    It is the one in which it labels the training questions, where it does. Otherwise it tells the likelihood of the
    choices, or answers where it cannot.
    """
    if isinstance(teacher, RecordedTeacher):
        return None
    abilities = frozenset.intersection(*(member.can for member in members_of(teacher).values()))
    steps = LABEL_STEPS if isinstance(experiment.parts.task, LabelTask) else STEPS
    if isinstance(experiment.parts.task, FreeFormTask):
        steps = FREE_STEPS
    name = next(step for ability, step in steps.items() if ability in abilities)
    option = _shipped_step(name)
    if steps is FREE_STEPS:
        option = experiment.config.generation.steps.get(name) or _without_demonstrations(option)
    step: GenerationStep = build(option, "generation")
    if teacher is experiment.parts.teacher and (labelling := _labelling_step(experiment)) is not None:
        name, option, step = labelling, experiment.config.generation.steps[labelling], experiment.parts.steps[labelling]
    config = replace(experiment.config, generation=replace(experiment.config.generation, steps={name: option}))
    parts = replace(experiment.parts, teacher=teacher, steps={name: step})
    own = Experiment(config, parts, experiment.examples)
    return GenerationRun(store, parts.steps, parts.steps, generating(own), experiment.examples["test"], "test")


def _labelling_step(experiment: Experiment) -> str | None:
    """Return the step that asks the teacher for the training labels; None where it gives none."""
    parts = experiment.parts
    if is_labelled(parts):
        return None
    kind = label_kind(parts.steps, parts.teacher)
    return [name for name, step in parts.steps.items() if kind in step.makes - step.needs][-1]


def _without_demonstrations(option: Any) -> Any:
    """Return a step whose prompt shows no questions with choices and does not speak of them."""
    prompt = {**option["prompt"], "instruction": "", "demos": 0}
    return {**option, "prompt": prompt, "sampling": {**option["sampling"], "stop": ["Question:"]}}


@cache
def _shipped_step(name: str) -> Any:
    return OmegaConf.to_container(compose_first([f"generation=[{name}]"]).generation.steps[name], resolve=True)
