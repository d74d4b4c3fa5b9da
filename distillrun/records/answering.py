"""Queries to a student, its answers, and their scores."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from distillrun.records.answer import Answer
from distillrun.records.answer import place as place_of
from distillrun.records.base import Record
from distillrun.records.example import Example
from distillrun.records.learning import Segment

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Query(Record):
    """The student's input at test time.

    `rationale` says where the reply to `answer` holds a rationale: nowhere, before the answer or after it. Where it is
    nowhere and the student can explain all the same, `explain` asks for it in a text of its own.
    """

    answer: tuple[Segment, ...]
    explain: tuple[Segment, ...] | None = None
    rationale: Literal["none", "before", "after"] = "none"


@dataclass(frozen=True, slots=True)
class Reply(Record):
    """The parts of a student's text as an objective reads them: the answer, and the rationale."""

    answer: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Prediction(Record):
    """A student's answer. `choice` is what was read from its text; None = unparsed: wrong, and counted apart.

    Where the choices were scored: `choice_log_probs` are the log-likelihoods of the answers in nats, summed over their
    `choice_tokens` tokens, and `choice_prior` the same where no question is asked. Where texts have several labels,
    `labels` takes the place of `choice`: their places, ascending, and `choice_log_probs` are each label's own.
    """

    example_id: str
    text: str
    rationale: str
    choice: Answer | None
    choice_log_probs: tuple[float, ...] | None = None
    choice_tokens: tuple[int, ...] | None = None
    choice_prior: tuple[float, ...] | None = None
    labels: tuple[int, ...] | None = None


def few_choices(example: Example, made: Prediction, most: int) -> tuple[Example, Prediction]:
    """Return a question and its answer with the right choices, the answered ones and the likeliest others alone.

    Places and log-probs are those among these choices, which keep their order. Where there are no more than `most`, or
    their likelihoods are not known, all stay.
    """
    values = made.choice_log_probs
    if len(example.choices) <= most or values is None or len(values) != len(example.choices):
        return example, made
    kept = {
        one if isinstance(one, int) else place_of(one)
        for one in (example.answer, made.choice, *(example.answers or ()), *(made.labels or ()))
        if one is not None
    }
    likeliest = sorted(range(len(values)), key=lambda place: -values[place])
    kept |= {*likeliest[: max(0, most - len(kept))]}
    places = sorted(kept)
    new = {old: place for place, old in enumerate(places)}

    def moved(sets: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return None if sets is None else tuple(new[one] for one in sets)

    def taken(column: tuple[Number, ...] | None) -> tuple[Number, ...] | None:
        return None if column is None else tuple(column[place] for place in places)

    shown = replace(
        example,
        choices=tuple(example.choices[place] for place in places),
        answer=None if example.answer is None else new[place_of(example.answer)],
        answers=moved(example.answers),
    )
    return shown, replace(
        made,
        choice=None if made.choice is None else new[place_of(made.choice)],
        choice_log_probs=taken(values),
        choice_tokens=taken(made.choice_tokens),
        choice_prior=taken(made.choice_prior),
        labels=moved(made.labels),
    )


@dataclass(frozen=True, slots=True)
class Score(Record):
    """A number that never travels without its n and its 95 % interval (low, high).

    A `share` is shown in percent; any other unit, such as words or s, is shown after the number where it is not empty.
    """

    name: str
    value: float
    n: int
    low: float
    high: float
    unit: str = ""


def main_score(names: Iterable[str]) -> str:
    """Return the score that a run is named by: test/accuracy, or the first accuracy of the test, or its first score."""
    known = [*names]
    tested = [name for name in known if name.startswith("test/")]
    accuracies = [name for name in tested if name.endswith("accuracy")]
    return "test/accuracy" if "test/accuracy" in known else next(iter([*accuracies, *tested, *known]), "")
