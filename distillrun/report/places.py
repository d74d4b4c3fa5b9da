"""The positions of the right answers among their questions' choices."""

from distillrun.records import Example, Json, is_right
from distillrun.report.run.values import Values, sequence


def position(value: Json) -> int | None:
    """Return a value that is the position of a choice, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def places(value: Json) -> list[int]:
    """Return the positions of choices that a list holds."""
    found = map(position, sequence(value))
    return [place for place in found if place is not None]


def right_places(example: Values) -> frozenset[int]:
    """Return the positions of the right answer: several where choices repeat, none where it is not known."""
    answer = position(example.get("answer"))
    choices = tuple(map(str, sequence(example.get("choices"))))
    if answer is None:
        return frozenset()
    if answer >= len(choices):
        return frozenset({answer})
    question = Example("", "", choices, answer)
    return frozenset(place for place in range(len(choices)) if is_right(question, place))


def guessing_share(example: Values) -> float | None:
    """Return how often a guess is right; None where the choices are not known, or several of them may be right."""
    if example.get("answers") is not None:
        return None
    choices = len(sequence(example.get("choices")))
    return max(1, len(right_places(example))) / choices if choices else None
