"""The key of a study: the student of each item. It is checked whole before anything is read by it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from distillrun.errors import ConfigError
from distillrun.study.files import KEY
from distillrun.study.texts import POINTS

Name = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """A part of a key: of these types exactly, and never changed."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class Check(Part):
    """An attention check: the point that it asks for."""

    rater: Name
    check: int = Field(ge=1, le=POINTS)


class Explained(Part):
    """An explanation: whose it is, of which question, and how many words it has."""

    rater: Name
    model: Name
    question: Name
    rationale_length: float = Field(ge=0)


Item = Annotated[
    Annotated[Check, Tag("check")] | Annotated[Explained, Tag("explanation")],
    Discriminator(lambda value: "check" if isinstance(value, dict) and "check" in value else "explanation"),
]


class Key(Part):
    """A key as the design writes it; what the study was made of is stored too, and is not read."""

    format: Literal["distillrun study 1"]
    study: Name
    constructs: tuple[Name, ...] = Field(min_length=1)
    demographics: tuple[Name, ...]
    items: dict[str, Item] = Field(min_length=1)


def read_key(file: Path) -> Key:
    """Return the key in a file.

    Raises:
        ConfigError: naming the first field that is missing or holds something else.
    """
    cure = f"it is the {KEY} that the design wrote"
    try:
        return Key.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"--key {file} cannot be read ({error}); {cure}") from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        loc = problem["loc"]
        where = ".".join(map(str, (*loc[:2], *loc[3:]) if loc[:1] == ("items",) else loc)) or "the file"
        held = "" if problem["type"] in ("missing", "json_invalid") else f", not {problem['input']!r:.60}"
        raise ConfigError(f"--key {file} is not a key of a study: {where}: {problem['msg']}{held}; {cure}") from None
