"""A student that can be asked anything, as a teacher can."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from distillrun.config.build import build
from distillrun.config.compose import conf_folder
from distillrun.interfaces import Teacher


def student_as_teacher(folder: Path, device: str) -> Teacher:
    """Return the checkpoint in a folder as a local teacher, which uses its chat template where it has one."""
    option: Any = OmegaConf.to_container(OmegaConf.load(conf_folder() / "teacher" / "local.yaml"))
    made: Teacher = build({**option, "checkpoint": str(folder), "device": device}, "teacher")
    return made
