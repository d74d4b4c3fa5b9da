"""Two students, or two cells of students, on the same questions: pairs of answers tell more than two accuracies."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Answers = Sequence[bool]
"""Of each question, whether it was answered right; in one order for everybody who is compared."""


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test: the questions that only one of two answers right, and the probability of so uneven a split."""

    only_first: int
    only_second: int
    p: float


@dataclass(frozen=True, slots=True)
class CellDifference:
    """Share right of the second cell minus that of the first, its interval, p (two-sided) and degrees of freedom."""

    difference: float
    low: float
    high: float
    p: float
    df: float


def mcnemar(first: Answers, second: Answers) -> McNemar:
    """Return McNemar's exact test: are the questions that only one of two students answers split evenly between them?

    Two-sided, by the binomial distribution; 1 where they differ on no question. It speaks of these two students: others
    that were trained with other seeds may differ more than they do.

    Args:
        first, second: of each question, whether the student is right; in the same order.

    Raises:
        ValueError: the two are not of equal length.

    Source: McNemar 1947, https://doi.org/10.1007/BF02295996; exact form: Dietterich 1998.
    """
    _check([first, second])
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    from statsmodels.stats.contingency_tables import mcnemar as exact

    return McNemar(only_first, only_second, float(exact([[0, only_first], [only_second, 0]], exact=True).pvalue))


def run_difference(first: Answers, second: Answers, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return share right of the second student minus that of the first, and its interval over questions (low, high).

    Two questions more are counted, one that only the first answers and one that only the second does, so that the
    interval has a width where the two answer the same. No question gives (nan, nan, nan).

    Raises:
        ValueError: the two are not of equal length.

    Source: Bonett and Price 2012, https://doi.org/10.3102/1076998611411915, the adjusted Wald interval.
    """
    _check([first, second])
    if not first:
        return math.nan, math.nan, math.nan
    both, n = mcnemar(first, second), len(first)
    more, less = (both.only_second + 1) / (n + 2), (both.only_first + 1) / (n + 2)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt((more + less - (more - less) ** 2) / (n + 2))
    low, high = more - less - half, more - less + half
    return (both.only_second - both.only_first) / n, max(-1.0, low), min(1.0, high)


def cell_difference(first: Sequence[Answers], second: Sequence[Answers], confidence: float = 0.95) -> CellDifference:
    """Return how far two cells differ, where other seeds and other questions might have been drawn.

    The squared error of the difference is the sum of what seeds and what questions bring. Seeds: of each cell, the
    variance of its runs' accuracies by their number, and no less than what answers that vary by question alone would
    give it. Questions: the variance of their mean differences by their number (with the two more of `run_difference`),
    less that part of it which is already in the former. The degrees of freedom are Welch's, of the seeds, since many
    questions tell nothing of how far seeds scatter; and no more than if both cells had as many seeds as the smaller
    one, for Welch's are too many where a cell has two. A seed that both cells have does not make a pair:
    the two runs are taken as independent, which errs on the side of caution where they are correlated.

    Args:
        first, second: of each run of a cell, two or more, which questions it answers right; in the same order.
        confidence: of the interval.

    Raises:
        ValueError: a cell has fewer than two runs, or the runs answered different numbers of questions, or none.

    Source: variance components of crossed random factors, Satterthwaite 1946, https://doi.org/10.2307/3002019; Welch
    1947, https://doi.org/10.2307/2332510.
    """
    import numpy as np
    from scipy.special import stdtr, stdtrit

    if min(len(first), len(second)) < 2:
        raise ValueError(f"cells of {len(first)} and {len(second)} runs: an interval over seeds needs two of each")
    _check([*first, *second])
    cells = [np.asarray(cell, dtype=np.int64) for cell in (first, second)]
    n = cells[0].shape[1]
    if not n:
        raise ValueError("the runs share no question")
    noise = [_noise(cell) for cell in cells]
    seeds = [max(_of_seeds(cell), own) for cell, own in zip(cells, noise, strict=True)]
    apart = cells[1].mean(axis=0) - cells[0].mean(axis=0)
    questions = float(np.append(apart, (1, -1)).var()) / (n + 2)
    error = math.sqrt(sum(seeds) + max(0.0, questions - sum(noise)))
    spread = sum(own**2 / (len(cell) - 1) for own, cell in zip(seeds, cells, strict=True))
    # runs that all answer alike have no seeds to tell of: the questions are all there is
    df = min(sum(seeds) ** 2 / spread, 2 * (min(map(len, cells)) - 1)) if spread else math.inf
    difference = float(apart.mean())
    half = float(stdtrit(df, 0.5 + confidence / 2)) * error
    p = 2 * float(stdtr(df, -abs(difference) / error))
    return CellDifference(difference, max(-1.0, difference - half), min(1.0, difference + half), p, df)


def level_difference(cell: Sequence[Answers], level: Sequence[float], confidence: float = 0.95) -> CellDifference:
    """Return how far a cell lies above what is known of each question, such as how likely a guess is right.

    Its squared error is that of `cell_difference` with a level that has no seeds; the degrees of freedom are
    Satterthwaite's, of seeds and questions. Of a single run, nothing is told of other seeds: its interval is over
    questions alone. Simulated cells that are as good as the level are told from it in 0 to 8 of 100 cases, at 2 to 5
    seeds, 20 to 300 questions and standard deviations of 0 to 0.1 between seeds.

    Args:
        cell: of each run, which questions it answers right; in the same order.
        level: of each question, a share from 0 to 1.
        confidence: of the interval.

    Raises:
        ValueError: there is no run, or no question, or the numbers of questions differ.
    """
    import numpy as np
    from scipy.special import stdtr, stdtrit

    if not cell or not level or any(len(run) != len(level) for run in cell):
        raise ValueError(f"{len(cell)} runs, and a level of {len(level)} questions: each run answers all of them")
    runs, n = len(cell), len(level)
    answers = np.asarray(cell, dtype=np.int64)
    several = runs > 1
    noise = _noise(answers) if several else 0.0
    seeds = max(_of_seeds(answers), noise) if several else 0.0
    apart = answers.mean(axis=0) - np.asarray(level)
    questions = max(0.0, float(np.append(apart, (1, -1)).var()) / (n + 2) - noise)
    error = math.sqrt(seeds + questions)
    df = error**4 / (seeds**2 / (runs - 1) + questions**2 / max(1, n - 1)) if seeds else math.inf
    difference = float(apart.mean())
    half = float(stdtrit(df, 0.5 + confidence / 2)) * error
    p = 2 * float(stdtr(df, -abs(difference) / error))
    return CellDifference(difference, max(-1.0, difference - half), min(1.0, difference + half), p, df)


def _of_seeds(cell: "NDArray[np.int64]") -> float:
    """Return the variance of a cell's mean accuracy that its runs tell of; `cell` is [runs, n] of 0 and 1."""
    runs, n = cell.shape
    totals = cell.sum(axis=1)
    # whole numbers, so that equal runs have no variance at all
    left = runs * int((totals**2).sum()) - int(totals.sum()) ** 2
    return float(left / (runs**2 * (runs - 1) * n**2))


def _noise(cell: "NDArray[np.int64]") -> float:
    """Return the variance of a cell's mean that is neither its seeds' nor its questions': the residual of both."""
    runs, n = cell.shape
    by_run, by_question, total = cell.sum(axis=1), cell.sum(axis=0), int(cell.sum())
    left = runs * n * total - runs * int((by_run**2).sum()) - n * int((by_question**2).sum()) + total**2
    return left / ((runs * n) ** 2 * (runs - 1) * (n - 1)) if n > 1 else 0.0


def _check(runs: Sequence[Answers]) -> None:
    if len(lengths := sorted({len(run) for run in runs})) > 1:
        told = " and ".join(map(str, lengths))
        raise ValueError(f"{told} answers cannot be paired; compare students on the same questions")
