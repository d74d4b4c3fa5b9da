"""Pairs of cells on the same questions: comparisons that accuracies alone do not give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from distillrun.report.sweep.grid import Grid, Levels, seed_of
from distillrun.statistics.correction import holm
from distillrun.statistics.paired import McNemar, cell_difference, mcnemar, run_difference

MOST_PAIRS = 300

AnsweredJob = tuple[str, Mapping[str, bool]]
"""A run's seed, and of each question whether it is right."""


@dataclass(frozen=True, slots=True)
class TwoRuns:
    """The two runs that stand for cells of which one has a single seed: their seeds, and McNemar's test of them."""

    seeds: tuple[str, str]
    test: McNemar


@dataclass(frozen=True, slots=True)
class PairOnQuestions:
    """Two cells on the questions that all their runs answered.

    Attributes:
        first, second: the cells.
        questions: how many.
        seeds: how many runs of each cell are compared.
        difference: share right of the second minus that of the first, with its 95 % interval.
        p: that no difference is there: between the cells, over seeds and questions; or between two runs.
        adjusted: p by Holm, over all pairs of cells, or over all pairs of runs.
        runs: the two runs, where a cell has a single seed, so that nothing is known of the cells; else None.
    """

    first: Levels
    second: Levels
    questions: int
    seeds: tuple[int, int]
    difference: tuple[float, float, float]
    p: float
    adjusted: float
    runs: TwoRuns | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs that were compared, and how many more there are."""

    compared: Sequence[PairOnQuestions]
    left_out: int = 0

    @property
    def of_cells(self) -> list[PairOnQuestions]:
        """The pairs of which both cells have several seeds."""
        return [pair for pair in self.compared if pair.runs is None]

    @property
    def of_runs(self) -> list[PairOnQuestions]:
        """The pairs of which a cell has a single seed."""
        return [pair for pair in self.compared if pair.runs is not None]


def paired(grid: Grid) -> Pairs:
    """Return the pairs of the first factor's levels within those of the others; those without common questions not."""
    answers = {
        levels: [(seed_of(job), right) for job in own if (right := job.answers(grid.metric))]
        for levels, own in grid.measured.items()
    }
    pairs = [(first, second) for first, second in combinations(grid.measured, 2) if first[1:] == second[1:]]
    pairs = [(first, second) for first, second in pairs if answers[first] and answers[second]]
    found = [_pair(first, second, answers[first], answers[second]) for first, second in pairs[:MOST_PAIRS]]
    made = Pairs([pair for pair in found if pair is not None], max(0, len(pairs) - MOST_PAIRS))
    return Pairs([*_adjusted(made.of_cells), *_adjusted(made.of_runs)], made.left_out)


def _adjusted(pairs: Sequence[PairOnQuestions]) -> list[PairOnQuestions]:
    adjusted = holm([pair.p for pair in pairs])
    return [replace(pair, adjusted=p) for pair, p in zip(pairs, adjusted, strict=True)]


def _pair(
    first: Levels, second: Levels, own: Sequence[AnsweredJob], their: Sequence[AnsweredJob]
) -> PairOnQuestions | None:
    single = min(len(own), len(their)) < 2
    if single:
        own, their = _one_of_each(own, their)
    shared = [one for one in own[0][1] if all(one in right for _, right in [*own, *their])]
    if not shared:
        return None
    before, after = ([[right[one] for one in shared] for _, right in group] for group in (own, their))
    if single:
        runs = TwoRuns((own[0][0], their[0][0]), mcnemar(before[0], after[0]))
        difference, p = run_difference(before[0], after[0]), runs.test.p
    else:
        found = cell_difference(before, after)
        runs, difference, p = None, (found.difference, found.low, found.high), found.p
    return PairOnQuestions(first, second, len(shared), (len(own), len(their)), difference, p, p, runs)


def _one_of_each(
    own: Sequence[AnsweredJob], their: Sequence[AnsweredJob]
) -> tuple[list[AnsweredJob], list[AnsweredJob]]:
    """Return one run of each cell: those of the first seed that both have, or else the first ones."""
    by_seed = dict(their)
    run = next((run for run in own if run[0] in by_seed), None)
    return ([own[0]], [their[0]]) if run is None else ([run], [(run[0], by_seed[run[0]])])
