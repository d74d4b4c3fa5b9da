"""Preference leakage: do judges favour students of the teachers that they are akin to?"""

import math


def win_rate(own: list[float], other: list[float]) -> float:
    """Return how often the first of two students is rated above the second on the same question; a tie is half.

    nan where there is no question.

    Raises:
        ValueError: the two are not of equal length.
    """
    if len(own) != len(other):
        raise ValueError(f"{len(own)} and {len(other)} ratings are no pairs; compare students on the same questions")
    wins = math.fsum((a > b) + (a == b) / 2 for a, b in zip(own, other, strict=True))
    return wins / len(own) if own else math.nan


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
                "a student never wins under either judge, so that no preference shows; compare closer ones"
            )
        shares.append((own - average) / average)
    return sum(shares) / 2
