"""The plurality of several answers to one question: pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Weights = Literal["none", "probability"]


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer: the choice (None = unparsed), and the log-prob of the text that gave it over so many tokens."""

    choice: int | None
    log_prob: float | None
    tokens: int


def plurality(votes: Sequence[Vote], weights: Weights = "none") -> tuple[int, float] | None:
    """Return the choice with most votes and its share of the parsed votes, in (0, 1]; None where none was parsed.

    Unparsed votes are no class of their own. Ties are broken by the summed log-prob of a choice's texts, where every
    vote has one, and then by the lower index. The order of the votes plays no part.

    Args:
        votes: of one question.
        weights: none counts each vote as 1; probability as exp of the mean log-prob per token of its text.

    Source: Wang et al. 2023, https://arxiv.org/abs/2203.11171, section 2.
    """
    parsed = [vote for vote in votes if vote.choice is not None]
    if not parsed:
        return None
    known = all(vote.log_prob is not None for vote in parsed)
    weighted = weights == "probability" and known
    totals: dict[int, list[float]] = {}
    log_probs: dict[int, list[float]] = {}
    for vote in parsed:
        choice, log_prob = vote.choice or 0, vote.log_prob or 0.0
        totals.setdefault(choice, []).append(math.exp(log_prob / max(1, vote.tokens)) if weighted else 1.0)
        log_probs.setdefault(choice, []).append(log_prob)
    # exact sums, so that equal votes in another order stay equal
    mass = {choice: math.fsum(sorted(weights)) for choice, weights in totals.items()}
    likely = {choice: math.fsum(sorted(found)) for choice, found in log_probs.items()}
    winner = max(mass, key=lambda choice: (mass[choice], likely[choice] if known else 0.0, -choice))
    return winner, mass[winner] / math.fsum(sorted(mass.values()))
