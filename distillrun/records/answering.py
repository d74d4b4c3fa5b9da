"""Queries to a student, its answers, and their scores."""

from dataclasses import dataclass
from typing import Literal

from distillrun.records.example import Record
from distillrun.records.learning import Segment


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
    """A student's answer. `choice` None = unparsed: wrong, and counted apart.

    Where the choices were scored: `choice_log_probs` are the log-likelihoods of the answers in nats, summed over their
    `choice_tokens` tokens, and `choice_prior` the same where no question is asked.
    """

    example_id: str
    text: str
    rationale: str
    choice: int | None
    choice_log_probs: tuple[float, ...] | None = None
    choice_tokens: tuple[int, ...] | None = None
    choice_prior: tuple[float, ...] | None = None


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
