"""The forecast of requests that are not sent yet: how many there are, their tokens and their cost."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

from distillrun.records import Price


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of requests, with their tokens and their price; expected tokens need not be whole."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: float = 0.0
    usd: float = 0.0

    def plus(self, other: "Amount") -> "Amount":
        """Return the sum."""
        return Amount(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.usd + other.usd,
        )

    def or_more(self, other: "Amount") -> "Amount":
        """Return the larger of each figure."""
        return Amount(
            max(self.requests, other.requests),
            max(self.prompt_tokens, other.prompt_tokens),
            max(self.completion_tokens, other.completion_tokens),
            max(self.usd, other.usd),
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """The requests that remain to be sent.

    Attributes:
        known: answers that the journal holds, unusable ones among them.
        expected: what remains if every text can be used and is as long as those in the journal are on average.
        most: what remains at most, every text as long as it may be. Texts that are drawn again and retries of requests
            that fail are not in it, and unwritten texts in later prompts count with their expected length.
        is_estimate: how many requests there are, or what they say, depends on texts that are not written yet.
    """

    known: int = 0
    expected: Amount = field(default_factory=Amount)
    most: Amount = field(default_factory=Amount)
    is_estimate: bool = False

    def plus(self, other: "Forecast") -> "Forecast":
        """Return the sum; it is an estimate where one of them is."""
        return Forecast(
            self.known + other.known,
            self.expected.plus(other.expected),
            self.most.plus(other.most),
            self.is_estimate or other.is_estimate,
        )

    def at_most(self, other: "Forecast") -> "Forecast":
        """Return this forecast with the other's figures as its most, where they are larger."""
        return Forecast(self.known, self.expected, self.most.or_more(other.most), self.is_estimate or other.is_estimate)


def request(price: Price, prompt_tokens: int, expected: float, most: int, is_estimate: bool) -> Forecast:
    """Return the forecast of one request, with expected and most completion tokens."""
    return Forecast(
        expected=Amount(1, prompt_tokens, expected, price.usd(prompt_tokens, expected)),
        most=Amount(1, prompt_tokens, most, price.usd(prompt_tokens, most)),
        is_estimate=is_estimate,
    )


def summed(forecasts: Iterable[Forecast]) -> Forecast:
    """Return the sum."""
    return reduce(Forecast.plus, forecasts, Forecast())
