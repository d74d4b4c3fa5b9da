"""The texts of a questionnaire, and the constructs that are rated."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from distillrun.config.compose import conf_folder
from distillrun.errors import ConfigError
from distillrun.records import Record

POINTS = 5
"""Of every scale."""


@dataclass(frozen=True, slots=True)
class Texts(Record):
    """The texts of a questionnaire, see `conf/text/questionnaire.yaml`."""

    language: str
    title: str
    consent: str
    agree: str
    about: str
    optional: str
    demographics: dict[str, str]
    intro: str
    question: str
    answer: str
    explanation: str
    statements: dict[str, str]
    scale: tuple[str, ...]
    check: str
    back: str
    next: str
    start: str
    missing: str
    done: str
    save: str
    progress: str
    kept: str
    not_kept: str
    copy: str

    def __post_init__(self) -> None:
        if len(self.scale) != POINTS or not self.statements:
            raise ValueError(f"scale must name {POINTS} points, and statements at least one construct")


def read_texts(file: Path | None) -> Texts:
    """Return the texts of a YAML file, or the shipped ones.

    Raises:
        ConfigError: the file is missing, or keys are missing or unknown.
    """
    import yaml

    path = file or conf_folder() / "text" / "questionnaire.yaml"
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(Texts).validate_python(values, strict=False)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"--texts {path} cannot be read ({error})") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
        raise ConfigError(f"--texts {path}: {wrong}; go by {conf_folder() / 'text' / 'questionnaire.yaml'}") from error
