"""A student after its test, as measures see it."""

from typing import Any

from distillrun.interfaces import Answered
from tests.leaves import made


def answered(**known: Any) -> Answered:
    """Return what a measure looks at; what is not given is nothing, and fails where it is used."""
    names = Answered.__dataclass_fields__
    usual = {
        "task": made("task", "multiple_choice", folder="unused"),
        "objective": made("objective", "label_only"),
        "examples": (),
        "predictions": (),
        "taught": (),
        "findings": {},
        "tokens_per_batch": 1000,
    }
    return Answered(**{**dict.fromkeys(names), **usual, **known})
