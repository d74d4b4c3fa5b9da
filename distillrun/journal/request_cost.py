"""The cost of requests to a teacher: how many they are, their tokens, and US$."""

import math
from dataclasses import asdict, dataclass

from distillrun.records import Record

FIELDS = ("requests", "prompt_tokens", "completion_tokens", "usd")


@dataclass(frozen=True, slots=True)
class Cost(Record):
    """Totals of requests sent: every one with its retries, and what each cost or may have cost."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0

    def plus(self, other: "Cost", sign: int = 1) -> "Cost":
        """Return the sum; with `sign` -1 the difference."""
        return Cost(
            self.requests + sign * other.requests,
            self.prompt_tokens + sign * other.prompt_tokens,
            self.completion_tokens + sign * other.completion_tokens,
            self.usd + sign * other.usd,
        )

    def or_more(self, other: "Cost") -> "Cost":
        """Return the larger of each figure."""
        return Cost(
            max(self.requests, other.requests),
            max(self.prompt_tokens, other.prompt_tokens),
            max(self.completion_tokens, other.completion_tokens),
            max(self.usd, other.usd),
        )

    @property
    def is_possible(self) -> bool:
        """True if every figure is a number, not negative and not beyond all reason."""
        return all(0 <= own <= most for own, most in zip(self.figures, MOST.figures, strict=True))

    @property
    def figures(self) -> tuple[int | float, ...]:
        """The figures in their order."""
        return self.requests, self.prompt_tokens, self.completion_tokens, self.usd

    def as_dict(self) -> dict[str, int | float]:
        """Return the counts by name."""
        return asdict(self)


MOST = Cost(10**12, 10**15, 10**15, 1e12)
"""More than anybody can have sent."""


def read_cost(values: object) -> Cost | None:
    """Return what four values of a line say; None where they are not three integers and a finite number."""
    if not isinstance(values, list) or len(values) != len(FIELDS):
        return None
    requests, prompt_tokens, completion_tokens, usd = values
    if not all(type(count) is int for count in values[:-1]) or type(usd) not in (int, float):
        return None
    if any(abs(value) > most for value, most in zip(values, MOST.figures, strict=True)) or math.isnan(usd):
        return None
    return Cost(requests, prompt_tokens, completion_tokens, float(usd))
