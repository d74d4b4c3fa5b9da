"""Values from plain JSON of which any piece may be missing: a run that failed early still gets its page."""

import math
from collections.abc import Mapping, Sequence

from distillrun.records import Json

Values = Mapping[str, Json]


def mapping(value: Json) -> dict[str, Json]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Json) -> list[Json]:
    """Return the value if it is a list (or a tuple, as in a record that never was a file), else an empty one."""
    return list(value) if isinstance(value, list | tuple) else []


def finite(value: Json) -> float | None:
    """Return the value if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def by_id(examples: Mapping[str, Values] | Sequence[Values]) -> dict[str, Values]:
    """Return examples by their id, whichever way they came."""
    listed = list(examples.values()) if isinstance(examples, Mapping) else list(examples)
    return {str(example.get("id")): example for example in listed}
