"""A student after its test, as measures see it."""

from typing import Any

from distillrun.interfaces import MetricContext
from tests.leaves import made


def answered(**known: Any) -> MetricContext:
    """Return what a measure looks at; what is not given is nothing, and fails where it is used."""
    names = MetricContext.__dataclass_fields__
    usual = {
        "task": made("task", "multiple_choice", folder="unused"),
        "objective": made("objective", "label_only"),
        "examples": (),
        "dev": (),
        "predictions": (),
        "trained_on": (),
        "findings": {},
        "tokens_per_batch": 1000,
    }
    return MetricContext(**{**dict.fromkeys(names), **usual, **known})
