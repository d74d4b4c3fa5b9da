"""JSON objects in texts, and how much of one another they hold."""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

MOST_STARTS = 100
"""Braces of a text from which an object is tried to be read."""

Leaf = tuple[str, str]
"""The place of a value in a document, without the numbers of lists, and its normal form."""


def _refused(value: str) -> Any:
    raise ValueError(f"{value} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refused(text)


_DECODER = json.JSONDecoder(parse_constant=_refused, parse_float=_finite)


def object_in(text: str) -> dict[str, Any] | None:
    """Return the first JSON object of a text, whatever stands around it; None where there is none."""
    start = -1
    for _ in range(MOST_STARTS):
        if (start := text.find("{", start + 1)) < 0:
            return None
        try:
            found, _ = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    return None


def canonical(value: Any) -> str:
    """Return a document as text: keys in order, numbers by their value, texts without case and superfluous blanks.

    The elements of a list are in order, too, so that their places do not count.
    """
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)}: {canonical(value[key])}" for key in sorted(value))
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(sorted(map(canonical, value)))}]"
    if isinstance(value, str):
        return json.dumps(" ".join(unicodedata.normalize("NFC", value).split()).casefold())
    if isinstance(value, float) and value.is_integer():
        return json.dumps(int(value))
    return json.dumps(value)


def leaves(value: Any, place: str = "") -> Iterator[Leaf]:
    """Yield the values of a document with their places; an empty list or object, or null, has none."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{place}[]")
    elif value is not None:
        yield place, canonical(value)


def shared_leaves(own: Any, other: Any) -> Counter[Leaf]:
    """Return the values that two documents have in common, with their numbers."""
    return Counter(leaves(own)) & Counter(leaves(other))


def leaf_f1(own: Any, other: Any) -> float:
    """Return the F1 of the values of two documents; where neither has any, whether they are equal."""
    given, wanted = sum(1 for _ in leaves(own)), sum(1 for _ in leaves(other))
    if not given + wanted:
        return float(canonical(own) == canonical(other))
    return 2 * shared_leaves(own, other).total() / (given + wanted)
