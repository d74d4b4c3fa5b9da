"""The stage of a student that is scored as it is: it is built, and saved as a trained one would be."""

from dataclasses import asdict
from pathlib import Path

from distillrun.artifacts import Artifact, ArtifactStore, Stage
from distillrun.artifacts.meaning import with_meanings
from distillrun.config.schema import TrainingConfig
from distillrun.files.disk import check_room, named
from distillrun.files.json import write_json
from distillrun.interfaces import Student
from distillrun.pipeline.stages.model_card import model_card
from distillrun.pipeline.stages.train import METRICS, SPEED, UNTOLD, Training, usage_code, write_lines
from distillrun.records import Json

VERSION = 1


def untrained_stage(student: dict[str, Json], seed: int) -> Stage:
    """Return the stage of a student that nothing trains.

    Args:
        student: its settings and its identity.
        seed: of its fresh weights.
    """
    return Stage("untrained", VERSION, {"student": with_meanings(student), "training": {"seed": seed}}, {})


def save_untrained(store: ArtifactStore, stage: Stage, training: Training) -> Artifact:
    """Save a student as it is before any training, or find it saved."""
    student: Student = training.student
    settings: TrainingConfig = training.settings

    def make(work: Path) -> None:
        from distillrun.process.runtime import pick_device
        from distillrun.training.checkpoint import Progress

        model = student.build(settings.seed)
        folder = work / "student"
        with named(folder):
            check_room(folder, sum(weight.nbytes for weight in model.module.parameters()))
            model.save(folder)
        card = model_card(training.part_settings, training.wording, {"max_steps": 0}, {}, usage_code(training, model))
        (folder / "README.md").write_text(card, encoding="utf-8")
        for file in (METRICS, SPEED):
            write_lines(work / file, [])
        noted = {key: value for key, value in asdict(Progress()).items() if key not in UNTOLD}
        weights = sum(weight.numel() for weight in model.module.parameters())
        device = pick_device(training.runtime.device).type
        write_json(work / "training.json", {**noted, "parameters": weights, "trained_parameters": 0, "device": device})

    return store.get_or_make(stage, make)
