"""The responses of a student before and after its training: what was found of each, and the gains."""

from collections.abc import Mapping, Sequence
from textwrap import shorten, wrap

from distillrun.evaluation.shared.share import mean
from distillrun.records import Example, Prediction, ResultTable, Score

Values = dict[str, float]
"""What was found of one response, by name."""


def compared(after: Sequence[Values], before: Sequence[Values]) -> list[Score]:
    """Return the mean of each value after and before, and of the differences where both are known."""
    scores = []
    for name in dict.fromkeys(name for row in (*after, *before) for name in row):
        for when, rows in (("after", after), ("before", before)):
            if values := [row[name] for row in rows if name in row]:
                scores.append(mean(f"similarity/{name}/{when}", values))
        gains = [own[name] - old[name] for own, old in zip(after, before, strict=True) if name in own and name in old]
        if gains:
            scores.append(mean(f"similarity/{name}/gain", gains))
    return scores


def responses_of(predictions: Sequence[Prediction]) -> list[str]:
    """Return the student's text for each question: its explanation, or else its answer."""
    return [made.rationale.strip() or made.text.strip() for made in predictions]


def first_responses(
    examples: Sequence[Example], references: Sequence[str], responses: Mapping[str, Sequence[str]]
) -> ResultTable:
    """Return the first responses side by side, for a reader to see."""
    told = [[one.question for one in examples], references, *responses.values()]
    rows = tuple(tuple(map(_shown, row)) for row in zip(*told, strict=True))
    columns = ("question", "teacher", *(f"student {when}" for when in responses))
    return ResultTable("The first responses", columns, rows[:5])


def _shown(text: str) -> str:
    """Return a text that fits a table: an untrained student may write one endless word."""
    return shorten(" ".join(wrap(text, 40)), 240, placeholder=" …")
