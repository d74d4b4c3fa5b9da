"""Pairs of cells on the same questions as a section of a sweep's page."""

from collections.abc import Sequence

from distillrun.report.comparison.words import ALPHA, p_text
from distillrun.report.page.block import Block, Paragraph, Section, Table
from distillrun.report.sweep.grid import Grid, Levels, label
from distillrun.report.sweep.questions import PairOnQuestions, Pairs

OF_CELLS = (
    "Difference: in percentage points, the mean accuracy over all seeds of the first cell minus that of the second. "
    "Interval and p treat seeds and questions as random samples (Welch's degrees of freedom, over seeds), so cells may "
    "differ in their spread. Seeds are training seeds: the runs of a cell share what the teacher wrote. Tukey's "
    "pairs, in contrast, pool the spread of all cells and treat the questions as fixed."
)
OF_RUNS = (
    "With a single seed in a cell, the effect of its settings cannot be separated from that of its seed. These pairs "
    "compare two runs, not two settings; with other seeds, the order may change. Only one right: the number of "
    "questions that only the first run answers correctly : only the second; p is McNemar's exact test of that split. "
    "The interval is Bonett and Price's, over questions."
)


def question_section(grid: Grid, pairs: Pairs) -> Section | None:
    """Return the paired tests as tables and in words; None where no two cells answered the same questions."""
    if not pairs.compared:
        return None
    blocks: list[Block] = []
    if cells := pairs.of_cells:
        blocks += [Paragraph(OF_CELLS), Paragraph(verdict(cells)), _table(grid, cells, "questions")]
    if runs := pairs.of_runs:
        blocks += [Paragraph(OF_RUNS), Paragraph(verdict(runs)), _table(grid, runs, "question_runs")]
    if pairs.left_out:
        told = (
            f"{len(pairs.compared)} pairs are compared and {pairs.left_out} are left out; report fewer cells at "
            "once to see them."
        )
        blocks.append(Paragraph(told, "bad"))
    return Section("Pairs on the same questions", blocks)


def verdict(pairs: Sequence[PairOnQuestions]) -> str:
    """Return how many pairs differ, and which the most; all are of cells, or all of runs."""
    what = "pairs of cells" if pairs[0].runs is None else "pairs of single runs"
    clear = [pair for pair in pairs if pair.adjusted < ALPHA]
    told = f"After Holm's correction for all of them, {len(clear)} of {len(pairs)} {what} differ."
    if not clear:
        return told
    best = max(clear, key=lambda pair: abs(pair.difference[0]))
    more, less = (best.second, best.first) if best.difference[0] > 0 else (best.first, best.second)
    return (
        f"{told} The largest difference: {label(more)} over {label(less)}, by {abs(100 * best.difference[0]):.2f} "
        "points."
    )


def standing(levels: Levels, pairs: Pairs) -> str:
    """Return from how many of the other cells a cell differs; empty where there are none."""
    own = [pair for pair in pairs.compared if levels in (pair.first, pair.second)]
    cells = [pair for pair in own if pair.runs is None]
    told = []
    if cells:
        clear = sum(pair.adjusted < ALPHA for pair in cells)
        told.append(f"On the same questions, it differs from {clear} of {len(cells)} cells that it is compared with.")
    if single := len(own) - len(cells):
        what = "comparison with it is of single runs" if single == 1 else "comparisons with it are of single runs"
        told.append(f"{single} {what}, whose order may change with other seeds.")
    return " ".join(told)


def _table(grid: Grid, pairs: Sequence[PairOnQuestions], name: str) -> Table:
    others = ["at"] if len(grid.factors) > 1 else []
    columns = ("pair", *others, "difference", "95 % interval", *_extra(pairs[0])[0], "p", "p (Holm)")
    rows = [
        (
            f"{_short(pair.second, pair.first)} − {_short(pair.first, pair.first)}",
            *([", ".join(pair.first[1:])] if others else []),
            f"{100 * pair.difference[0]:.2f}",
            f"{100 * pair.difference[1]:.2f} to {100 * pair.difference[2]:.2f}",
            *_extra(pair)[1],
            p_text(pair.p),
            p_text(pair.adjusted),
        )
        for pair in pairs
    ]
    return Table(columns, rows, frozenset(range(1 + len(others), len(columns))), name=name)


def _extra(pair: PairOnQuestions) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that pairs of cells, or of runs, have by themselves, and what stands in them."""
    if pair.runs is None:
        return ("seeds",), (" and ".join(map(str, dict.fromkeys(reversed(pair.seeds)))),)
    seeds = dict.fromkeys(seed or "–" for seed in reversed(pair.runs.seeds))
    test = pair.runs.test
    return ("seed", "only one right"), (", ".join(seeds), f"{test.only_second} : {test.only_first}")


def _short(levels: Levels, other: Levels) -> str:
    return levels[0] if levels[1:] == other[1:] and levels else label(levels)
