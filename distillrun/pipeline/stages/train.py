"""The train stage: from an untrained student to a saved one."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distillrun.artifacts import SCRATCH, Artifact, ArtifactStore, Stage
from distillrun.artifacts.meaning import KEY, with_meanings
from distillrun.config.schema import Precision, RuntimeConfig, TrainingConfig
from distillrun.evaluation.choice_likelihood import ChoiceLikelihood
from distillrun.evaluation.generated_answer import GeneratedAnswer
from distillrun.evaluation.label_sets import LabelSets
from distillrun.files.disk import check_room, named
from distillrun.files.json import write_json
from distillrun.interfaces import (
    ActiveObjective,
    ChoiceModel,
    LanguageModel,
    Scorer,
    Student,
    StudentObjective,
    Task,
    has_label_sets,
)
from distillrun.names.later_settings import without_later
from distillrun.pipeline.stages.model_card import model_card
from distillrun.pipeline.stages.training_data import TrainingData
from distillrun.process.interrupt import stops_when_saved
from distillrun.process.progress import Bar
from distillrun.records import Json, Score, gold

if TYPE_CHECKING:
    from distillrun.training.supervision import Supervision

VERSION = 1
METRICS, SPEED = "metrics.jsonl", "speed.jsonl"
UNTOLD = ("objective", "metrics", "speed", "sums", "summed_steps")
"""Of the progress, what only a resumed training needs, or what has a file of its own."""

log = logging.getLogger("distillrun")

Supervise = Callable[[ChoiceModel], "tuple[Supervision | None, LanguageModel | None]"]
"""Takes the student; returns the teacher's outputs, and the teacher where it stays in memory."""

Report = Callable[[Mapping[str, float], int], None]
"""Takes metrics and the optimizer step that they belong to."""


def dev_judge(student: Student, task: Task, training: TrainingConfig) -> Scorer:
    """Return the rule of the dev checks: what a student writes or, where it writes nothing, how likely choices are."""
    if has_label_sets(task):
        return LabelSets()
    if student.writes:
        return GeneratedAnswer(training.dev_new_tokens, training.dev_new_tokens, explain=False)
    return ChoiceLikelihood(training.dev_new_tokens, prior=False)


def _hashed(training: TrainingConfig) -> dict[str, Json]:
    settings: dict[str, Json] = json.loads(json.dumps(asdict(training)))
    for key in ("save_every", "log_every", "pretrained_rate_limit"):  # they change no weight
        del settings[key]
    return dict(without_later({"training": settings})["training"])


@dataclass(frozen=True, slots=True)
class Training:
    """A student that is about to be trained.

    Attributes:
        student, objective, task: the parts.
        data: what it is trained on.
        part_settings: the configs of student and objective, as far as they decide the result.
        settings: of the training.
        runtime: how, but not what.
        supervise: brings what the objective wants of the teacher; called only where something is trained.
        wording: the task's templates, for the student's card.
    """

    student: Student
    objective: StudentObjective
    task: Task
    data: TrainingData
    part_settings: Mapping[str, Json]
    settings: TrainingConfig
    runtime: RuntimeConfig
    supervise: Supervise = field(default=lambda student: (None, None))
    wording: Mapping[str, Json] = field(default_factory=dict)


def training_stage(part_settings: Mapping[str, Json], settings: TrainingConfig, upstream: Mapping[str, str]) -> Stage:
    """Return the stage of a training.

    Args:
        part_settings, settings: as in `Training`.
        upstream: the fingerprints of the data's examples and records.
    """
    meant = {name: with_meanings(own) for name, own in part_settings.items()}
    # bf16 reaches encoders that are run by themselves, and references, since meaning 2
    meaning = {KEY: 2} if settings.precision is Precision.bf16 else {}
    return Stage("train", VERSION, {**meant, "training": {**_hashed(settings), **meaning}}, upstream)


def train(store: ArtifactStore, stage: Stage, training: Training, report: Report) -> Artifact:
    """Train a student, or find it trained; an interrupted training goes on from its last checkpoint.

    Args:
        store: where artifacts are.
        stage: of the training, see `training_stage`.
        training: what is trained, and on what.
        report: is given all metrics of the training, also those of earlier sittings.
    """
    student, objective, task, data = training.student, training.objective, training.task, training.data
    settings, runtime = training.settings, training.runtime

    is_asked_to_stop: Callable[[], bool] = _never

    def make(work: Path) -> None:
        from distillrun.language_model.precision import in_bf16
        from distillrun.language_model.sampling import writer_of
        from distillrun.process.runtime import pick_device
        from distillrun.training.loop import Trainer
        from distillrun.training.order import names_letters
        from distillrun.training.supervision import LiveSupervision

        if settings.shuffle_choices and data.records and any(map(names_letters, data.records)):
            count = sum(map(names_letters, data.records))
            log.info("train: %d examples keep the order of their choices: rationales name their letters", count)
        model = student.build(settings.seed)
        asked = list(data.dev[: settings.dev_examples])
        judge = dev_judge(student, task, settings)

        def dev_check() -> Score:
            predictions = judge.predict(model, objective, asked, task, runtime.tokens_per_batch)
            return judge.score(predictions, asked)[0]

        def dev_loss() -> float:
            sources = [objective.query(example, task).answer for example in asked]
            answers = [[objective.continuation(example, gold(example), task, "")] for example in asked]
            scores = [score for (score,) in model.score(sources, answers, runtime.tokens_per_batch)]
            return -sum(score.log_prob for score in scores) / sum(score.tokens for score in scores)

        device = pick_device(runtime.device)
        supervision, teacher = training.supervise(model)
        computing = [model.module]
        if isinstance(objective, ActiveObjective) and objective.requirements.teacher == "reference":
            reference = writer_of(model).frozen(device)
            computing.append(reference.module)
            supervision = LiveSupervision(writer_of(model), reference, objective)
        trainer = Trainer(
            model,
            objective,
            task,
            data.train,
            data.records,
            settings,
            device,
            work / SCRATCH,
            supervision,
            teacher,
        )
        nonlocal is_asked_to_stop
        with stops_when_saved(ends=False) as is_asked_to_stop:
            bar = Bar("train", settings.max_steps, trainer.progress.step, runtime.progress, "steps")
            with in_bf16(*computing) if settings.precision is Precision.bf16 else nullcontext():
                progress = trainer.run(dev_check, dev_loss, report, is_asked_to_stop, bar)
        with named(work / "student"):
            check_room(work / "student", sum(weight.nbytes for weight in model.module.parameters()))
            model.save(work / "student")
        usage = usage_code(training, model)
        card = model_card(training.part_settings, training.wording, _hashed(settings), progress.dev, usage)
        (work / "student" / "README.md").write_text(card, encoding="utf-8")
        weights = sum(weight.numel() for weight in model.module.parameters())
        trained = sum(weight.numel() for weight in model.module.parameters() if weight.requires_grad)
        write_lines(work / METRICS, progress.metrics)
        write_lines(work / SPEED, progress.speed)
        noted = {key: value for key, value in asdict(progress).items() if key not in UNTOLD}
        write_json(
            work / "training.json",
            {**noted, "parameters": weights, "trained_parameters": trained, "device": device.type},
        )

    artifact = store.get_or_make(stage, make)
    if is_asked_to_stop():  # too late for the training to act on: the student is kept, and nothing follows
        raise KeyboardInterrupt
    if artifact.cached:
        from distillrun.training.speed import replayed

        speed = artifact.folder / SPEED  # students of older versions have none
        for metrics, step in replayed(
            read_lines(artifact.folder / METRICS), read_lines(speed) if speed.exists() else []
        ):
            report(metrics, step)
    return artifact


def usage_code(training: Training, model: ChoiceModel) -> str:
    """Return the code of the card that asks the student a question; empty where it writes nothing."""
    from distillrun.language_model.sampling import writer_of
    from distillrun.pipeline.stages.student_usage import usage_of

    if not training.student.writes:
        return ""
    objective, task, tokens = training.objective, training.task, training.settings.dev_new_tokens
    return usage_of(model.module, objective, task, training.data.train, writer_of(model).text, tokens)


def _never() -> bool:
    return False


def write_lines(file: Path, lines: Sequence[Mapping[str, float]]) -> None:
    """Write the metrics of a training, a line of JSON for each report."""
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def read_lines(file: Path) -> list[dict[str, float]]:
    """Return the metrics of a training that ended."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
