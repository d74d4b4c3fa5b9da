"""Scores of letters from a server's list of likeliest next tokens."""

import math
from collections.abc import Sequence

from distillrun.records import ScoredContinuation
from distillrun.teacher.openai_api.answer import Tokens

_BLANKS = "\u0120\u2581"
"""How byte-level and sentencepiece vocabularies write a blank before a word, where a server shows tokens raw."""

_LEAST_REST = 1e-9
"""Rounded probabilities may add up to 1 or more; the rest is taken to be at least this."""


def score_continuations(first: Tokens, continuations: Sequence[str]) -> tuple[ScoredContinuation, ...]:
    """Return the log-prob of each continuation as the one next token.

    Variants of a token that differ in blanks around it, such as "A" and " A", are added up. A continuation that is not
    listed gets an upper bound: it is at most as likely as the least likely one listed, and as all that are not listed.

    Args:
        first: the likeliest next tokens.
        continuations: texts of one token each, such as letters; of a longer one, only the bound can be told.
    """
    rest = max(1.0 - sum(math.exp(log_prob) for _, log_prob in first), _LEAST_REST)
    bound = min([math.log(rest), *(log_prob for _, log_prob in first)])
    return tuple(ScoredContinuation(_log_prob(first, _bare(text), bound), 1) for text in continuations)


def _log_prob(first: Tokens, bare: str, bound: float) -> float:
    mass = sum(math.exp(log_prob) for token, log_prob in first if _bare(token) == bare)
    return math.log(min(mass, 1.0)) if mass > 0 else bound


def _bare(text: str) -> str:
    return text.strip().lstrip(_BLANKS).strip()
