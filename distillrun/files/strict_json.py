"""JSON as its standard has it: what can be read can be written again."""

import json
import math
from typing import Any


def strict_json(content: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is malformed, or holds NaN, Infinity or a number that no float can hold.
        RecursionError: it is nested too deeply.
    """
    return json.loads(content, parse_constant=_refused, parse_float=_finite)


def _refused(number: str) -> float:
    raise ValueError(f"{number:.40} is not a JSON number; write null where there is no value")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refused(text)
