"""Preference leakage: the preference of judges for students of a teacher of their own model family."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distillrun.statistics.resampling import percentile_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Wins = Mapping[str, float]
"""Question -> 1 where the first student is rated above the second, 0 where below, one half where equal."""

Rates = tuple[float, float, float, float]
"""Win rates of the student of i under the judges i and j, and of that of j under j and i."""


@dataclass(frozen=True, slots=True)
class Leakage:
    """The win rates, the score, and its percentile bootstrap interval over questions; nan where no draw has one."""

    rates: Rates
    score: float
    interval: tuple[float, float]


def win(own: float, other: float) -> float:
    """Return whether a rating is above another one: 1, or 0, or a half for a tie."""
    return (own > other) + (own == other) / 2


def leakage_of(pairs: Sequence[tuple[Wins, Wins]]) -> Leakage:
    """Return the preference leakage of two judges, the mean over pairs of a student of each.

    Args:
        pairs: of each pair of a student of i and one of j, where the former wins by the judge i, and by the judge j;
            each holds one question or more.

    Raises:
        ValueError: as `preference_leakage`.
    """
    import numpy as np

    questions = sorted({name for pair in pairs for wins in pair for name in wins})
    # [pairs, judges, questions]; nan where a pair has no such question
    won = np.array([[[wins.get(name, math.nan) for name in questions] for wins in pair] for pair in pairs])

    def score(drawn: "NDArray[np.intp]") -> float:
        try:
            return preference_leakage(*_rates(won[:, :, drawn]))
        except ValueError:
            return math.nan

    rates = _rates(won)
    return Leakage(rates, preference_leakage(*rates), percentile_interval(len(questions), score))


def preference_leakage(own_i: float, other_i: float, own_j: float, other_j: float) -> float:
    """Return the preference leakage score of two judges that also taught a student each; 0 where neither favours any.

    Args:
        own_i: win rate of the student of i under the judge i.
        other_i: win rate of the student of i under the judge j.
        own_j, other_j: the same of j: of its student under j, and under i.

    Raises:
        ValueError: a student never wins under either judge, so that nothing can be compared.

    Source: Li et al. 2025, https://arxiv.org/abs/2502.01534, equations 2 and 3.
    """
    shares = []
    for own, other in ((own_i, other_i), (own_j, other_j)):
        average = (own + other) / 2
        if average == 0:
            raise ValueError(
                "a student never wins under either judge, so no preference can be measured; compare students closer "
                "in quality"
            )
        shares.append((own - average) / average)
    return sum(shares) / 2


def _rates(won: "NDArray[np.float64]") -> Rates:
    """Return the mean win rates over pairs; nan where a pair has no question."""
    import numpy as np

    known = ~np.isnan(won)
    counts = known.sum(axis=2)
    if not counts.all():
        return math.nan, math.nan, math.nan, math.nan
    by_i, by_j = map(float, (np.where(known, won, 0.0).sum(axis=2) / counts).mean(axis=0))
    return by_i, by_j, 1 - by_j, 1 - by_i
