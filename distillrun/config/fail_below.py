"""The scores below which a command ends with exit code 1, for continuous integration."""

from collections.abc import Iterator, Mapping
from typing import Any

from distillrun.errors import nearest

FAIL_BELOW = "fail_below"
"""The key of `evaluation` that holds them: names of scores, each with the least value."""


def shortfalls(least: Mapping[str, float], scores: Mapping[str, float]) -> list[str]:
    """Return a sentence for each score that is below its least value, or that there is none of."""
    found = []
    for name, bar in least.items():
        key = f"evaluation.{FAIL_BELOW}"
        if name not in scores:
            known = f"{nearest(name, scores)}; there are {', '.join(scores) or 'none'}"
            found.append(f"{key} names {name}, which is not a score of this run{known}")
        elif scores[name] < bar:
            found.append(f"{name} is {scores[name]:.4f}, below {key}={bar:g}")
    return found


def wrong_bars(given: Any) -> Iterator[str]:
    """Yield what is wrong with a mapping of score names to least values."""
    example = f"write 'evaluation.{FAIL_BELOW}={{test/accuracy: 0.9}}'"
    if not isinstance(given, Mapping):
        yield f"evaluation.{FAIL_BELOW}={given!r} must hold names of scores and numbers; {example}"
        return
    for name, bar in given.items():
        if isinstance(bar, bool) or not isinstance(bar, int | float):
            yield f"evaluation.{FAIL_BELOW}: {name} has {bar!r}, which is not a number; {example}"
