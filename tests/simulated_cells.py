"""Simulated sweeps of two cells, to count how often the page's comparison tells them apart.

`python -m tests.simulated_cells` prints the rates for many spreads, numbers of seeds and gaps, in some minutes.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from distillrun.statistics.paired import cell_difference, mcnemar

QUESTIONS = 1221
"""As many as CommonsenseQA's test split has."""

Cells = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]


def differs(cells: Cells) -> bool:
    """Return whether the comparison of two cells says that they differ, at 5 %."""
    first, second = (cell.tolist() for cell in cells)
    return cell_difference(first, second).p < 0.05


def differs_by_runs(cells: Cells) -> bool:
    """Return whether the first run of each would be said to differ, by McNemar's test."""
    first, second = (cell[0].tolist() for cell in cells)
    return mcnemar(first, second).p < 0.05


def told_apart(
    says: Callable[[Cells], bool], sd: tuple[float, float], seeds: tuple[int, int], gap: float, count: int
) -> float:
    """Return how often two simulated cells are told apart.

    Questions are easy or hard for everybody, and a little more so for one cell or the other; every run has an accuracy
    of its own, which scatters about its cell's.

    Args:
        says: whether two cells differ, by their answers, [runs, questions] each.
        sd: of the accuracies of each cell, in points, beyond what the draw of answers brings.
        seeds: of each cell.
        gap: between the cells, in points.
        count: of simulated sweeps.
    """
    draw = np.random.default_rng(int(1000 * sum(sd) + 10 * sum(seeds) + gap))
    return sum(says(_cells(draw, sd, seeds, gap)) for _ in range(count)) / count


def _cells(draw: np.random.Generator, sd: tuple[float, float], seeds: tuple[int, int], gap: float) -> Cells:
    hard = draw.normal(0.7, 1.2, QUESTIONS)
    cells = []
    for place in (0, 1):
        own = 1 / (1 + np.exp(-(hard + draw.normal(0, 0.3, QUESTIONS))))
        shift = (place * gap + draw.normal(0, sd[place], (seeds[place], 1))) / 100
        cells.append(draw.random((seeds[place], QUESTIONS)) < own + shift)
    return cells[0], cells[1]


def main(count: int = 1000) -> None:
    """Print the rates as a table: of the page's comparison, and of McNemar's test of one run of each."""
    sys.stdout.write("seeds | sd, points | gap, points | cells told apart | two runs told apart\n")
    for seeds in ((2, 2), (3, 3), (6, 6), (2, 6), (3, 6)):
        for sd in ((0.0, 0.0), (1.2, 1.2), (2.8, 2.8), (5.0, 5.0), (0.0, 5.0), (5.0, 1.2)):
            for gap in (0, 5, 10):
                rates = [told_apart(says, sd, seeds, gap, count) for says in (differs, differs_by_runs)]
                shown = " | ".join(f"{100 * rate:5.1f} %" for rate in rates)
                sys.stdout.write(f"{seeds[0]}, {seeds[1]} | {sd[0]}, {sd[1]} | {gap} | {shown}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
