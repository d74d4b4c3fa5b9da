"""The usage of a step's completions."""

from collections import Counter
from dataclasses import dataclass, field

from distillrun.records import Completion, Json, Price


@dataclass(slots=True)
class Usage:
    """Sums over completions; failures by reason."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    discarded_tokens: int = 0
    usd: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, completion: Completion, price: Price) -> None:
        """Count a completion."""
        self.requests += 1
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens
        self.discarded_tokens += completion.discarded_tokens
        self.usd += price.usd(completion.prompt_tokens, completion.completion_tokens)

    def as_json(self) -> dict[str, Json]:
        """Return the sums, for `usage.json`."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "discarded_tokens": self.discarded_tokens,
            "usd": round(self.usd, 6),
        }
