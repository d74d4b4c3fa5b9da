"""Two students on the same questions: pairs of answers tell more than two accuracies."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, slots=True)
class McNemar:
    """On how many questions only one of the two is right, and how likely so uneven a split is by chance."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemar:
    """Return McNemar's exact test: are the questions that only one of two students answers split evenly between them?

    Two-sided, by the binomial distribution; 1 where they differ on no question.

    Args:
        first, second: of each question, whether the student is right; in the same order.

    Raises:
        ValueError: the two are not of equal length.

    Source: McNemar 1947, https://doi.org/10.1007/BF02295996; exact form: Dietterich 1998.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} answers are no pairs; compare students on the same questions")
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    n, few = only_first + only_second, min(only_first, only_second)
    # an integer sum stays exact where a sum of small floats would not
    tail = sum(math.comb(n, k) for k in range(few + 1))
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**n) if n else 1.0)


def paired_bootstrap(
    differences: Sequence[float], seed: int = 0, resamples: int = 10_000, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return (mean, low, high) of differences, its percentile interval over resampled questions; seeded.

    No difference gives (nan, nan, nan).

    Args:
        differences: of each question, how right the second student is minus how right the first: -1, 0 or 1, or a
            fraction where several seeds answered it.
        seed: of the resampling: equal seeds give equal bounds.
        resamples: how many.
        confidence: of the interval.

    Source: Efron 1979; on paired outputs: Koehn 2004, https://aclanthology.org/W04-3250.
    """
    if not differences:
        return math.nan, math.nan, math.nan
    import numpy as np

    counts = Counter(differences)
    values = np.array(sorted(counts))
    shares = np.array([counts[value] / len(differences) for value in values.tolist()])
    # drawing n questions with replacement and counting equal differences is one multinomial draw
    drawn = np.random.default_rng(seed).multinomial(len(differences), shares / shares.sum(), size=resamples)
    means = drawn @ values / len(differences)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return fmean(differences), float(low), float(high)
