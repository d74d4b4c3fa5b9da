"""Totals of the requests sent to a teacher, which can be added up."""

import math
from dataclasses import asdict, astuple, dataclass

from distillrun.records import Record

FIELDS = ("requests", "prompt_tokens", "completion_tokens", "usd")


@dataclass(frozen=True, slots=True)
class Spent(Record):
    """Totals of requests sent: every request with its retries, and what each cost or may have cost."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0

    def plus(self, other: "Spent", sign: int = 1) -> "Spent":
        """Return the sum; with `sign` -1 the difference."""
        return Spent(
            self.requests + sign * other.requests,
            self.prompt_tokens + sign * other.prompt_tokens,
            self.completion_tokens + sign * other.completion_tokens,
            self.usd + sign * other.usd,
        )

    def or_more(self, other: "Spent") -> "Spent":
        """Return the larger of each figure."""
        return Spent(
            max(self.requests, other.requests),
            max(self.prompt_tokens, other.prompt_tokens),
            max(self.completion_tokens, other.completion_tokens),
            max(self.usd, other.usd),
        )

    @property
    def is_possible(self) -> bool:
        """No figure is negative, beyond all reason or no number."""
        return all(0 <= own <= most for own, most in zip(self.figures, MOST.figures, strict=True))

    @property
    def figures(self) -> tuple[int | float, ...]:
        """The figures in their order."""
        return astuple(self)

    def as_dict(self) -> dict[str, int | float]:
        """Return the counts by name."""
        return asdict(self)


MOST = Spent(10**12, 10**15, 10**15, 1e12)
"""More than anybody can have sent."""


def read_spent(values: object) -> Spent | None:
    """Return what four values of a line say; None where they are not three integers and a finite number."""
    if not isinstance(values, list) or len(values) != len(FIELDS):
        return None
    requests, prompt_tokens, completion_tokens, usd = values
    if not all(type(count) is int for count in values[:-1]) or type(usd) not in (int, float):
        return None
    if any(abs(value) > most for value, most in zip(values, MOST.figures, strict=True)) or math.isnan(usd):
        return None
    return Spent(requests, prompt_tokens, completion_tokens, float(usd))
