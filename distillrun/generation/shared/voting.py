"""The plurality of several answers to one question: pure functions."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.records import Answer, alike_key, as_told

Weights = Literal["none", "probability"]


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer (None = unparsed), and the log-prob of the text that gave it over so many tokens."""

    choice: Answer | None
    log_prob: float | None
    tokens: int

    def weight(self, weights: Weights) -> float:
        """Return how much the vote counts, see `plurality`."""
        if weights == "none":
            return 1.0
        if self.log_prob is None:
            raise ConfigError(
                "weights=probability needs the log-probs of the texts, which the teacher did not return; set "
                "weights=none, or a teacher that returns them (teacher=local, or teacher=api with log_probs=true)"
            )
        return math.exp(self.log_prob / max(1, self.tokens))


def plurality(votes: Sequence[Vote], weights: Weights = "none") -> tuple[Answer, float] | None:
    """Return the answer with most votes and its share of the parsed votes, in (0, 1]; None where none was parsed.

    Unparsed votes are not a class of their own. Ties are broken by the summed log-prob of a choice's texts, where every
    parsed vote has one, and then by the lower index, or by the alphabet where answers are texts. The order of the votes
    plays no part.

    Args:
        votes: of one question.
        weights: none counts each vote as 1; probability as exp of the mean log-prob per token of its text.

    Raises:
        ConfigError: the weights are to be probabilities, and a parsed vote has none.

    Source: Wang et al. 2023, https://arxiv.org/abs/2203.11171, section 2.
    """
    by_choice: dict[int | str, list[Vote]] = {}
    given: dict[int | str, list[Answer]] = {}
    for vote in votes:
        if vote.choice is not None:
            by_choice.setdefault(alike_key(vote.choice), []).append(vote)
            given.setdefault(alike_key(vote.choice), []).append(vote.choice)
    if not by_choice:
        return None
    # exact sums, so that equal votes in another order stay equal
    mass = {choice: math.fsum(vote.weight(weights) for vote in own) for choice, own in by_choice.items()}
    likely = {choice: _log_prob(own) for choice, own in by_choice.items()}
    known = {choice: value for choice, value in likely.items() if value is not None}
    ties = known if len(known) == len(likely) else dict.fromkeys(likely, 0.0)
    winner = max(_in_order(mass), key=lambda choice: (mass[choice], ties[choice]))
    return min(given[winner], key=lambda answer: str(as_told(answer))), mass[winner] / math.fsum(mass.values())


def _in_order(keys: Iterable[int | str]) -> list[int | str]:
    """Return indices by their size, and texts by the alphabet."""
    return sorted(keys, key=lambda key: (0, key, "") if isinstance(key, int) else (1, 0, key))


def _log_prob(votes: Sequence[Vote]) -> float | None:
    """Return the summed log-prob of votes; None where one has none."""
    known = [vote.log_prob for vote in votes if vote.log_prob is not None]
    return math.fsum(known) if len(known) == len(votes) else None
