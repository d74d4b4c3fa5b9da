"""Pairs of cells on the same questions: what the answers say that accuracies do not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from distillrun.comparison.words import p_text
from distillrun.report.block import Paragraph, Section, Table
from distillrun.statistics.correction import holm
from distillrun.statistics.paired import McNemar, mcnemar, paired_bootstrap
from distillrun.sweep_page.grid import Grid, Levels, label, seed_of

MOST_PAIRS = 300

Answered = tuple[str, Mapping[str, bool]]
"""A run's seed, and of each question whether it is right."""


@dataclass(frozen=True, slots=True)
class PairOnQuestions:
    """Two cells on the questions that both answered.

    Attributes:
        first, second: the cells.
        questions: how many.
        difference: share right of the second minus that of the first, over all seeds, with the interval of the paired
            bootstrap over questions.
        seed: the seed whose two runs McNemar's test compares.
        test: that test; `adjusted` is its p by Holm over all pairs.
    """

    first: Levels
    second: Levels
    questions: int
    difference: tuple[float, float, float]
    seed: str
    test: McNemar
    adjusted: float


def paired(grid: Grid) -> list[PairOnQuestions]:
    """Return the pairs of the first factor's levels within those of the others; those without common questions not."""
    answers = {
        levels: [(seed_of(job), job.answers(grid.metric)) for job in own] for levels, own in grid.measured.items()
    }
    found: list[PairOnQuestions] = []
    for first, second in combinations(grid.measured, 2):
        if first[1:] == second[1:] and len(found) < MOST_PAIRS:
            pair = _pair(first, second, answers[first], answers[second])
            found += [pair] if pair is not None else []
    adjusted = holm([pair.test.p for pair in found])
    return [
        PairOnQuestions(one.first, one.second, one.questions, one.difference, one.seed, one.test, p)
        for one, p in zip(found, adjusted, strict=True)
    ]


def question_section(grid: Grid, pairs: Sequence[PairOnQuestions]) -> Section | None:
    """Return the paired tests as a table and in words; None where no two cells answered the same questions."""
    if not pairs:
        return None
    rows = [
        (
            f"{_short(pair.second, pair.first)} − {_short(pair.first, pair.first)}",
            *([", ".join(pair.first[1:])] if len(grid.factors) > 1 else []),
            f"{100 * pair.difference[0]:.2f}",
            f"{100 * pair.difference[1]:.2f} to {100 * pair.difference[2]:.2f}",
            pair.seed or "–",
            f"{pair.test.only_first} : {pair.test.only_second}",
            p_text(pair.test.p),
            p_text(pair.adjusted),
        )
        for pair in pairs
    ]
    others = ["at"] if len(grid.factors) > 1 else []
    columns = ("pair", *others, "difference", "95 % interval", "seed", "only one right", "p", "p (Holm)")
    wide = 1 + len(others)
    intro = (
        "Difference: percentage points right over all seeds, with a paired bootstrap over the questions (10,000 "
        "resamples, seeded). Only one right: on how many questions, of two runs with one seed, only that of the cell "
        "after the minus is right : only that before it; p is McNemar's exact test of that split, and Holm's "
        "correction counts all pairs here."
    )
    clear = [pair for pair in pairs if pair.adjusted < 0.05]
    told = f"After the correction, {len(clear)} of {len(pairs)} pairs differ."
    if clear:
        best = max(clear, key=lambda pair: abs(pair.difference[0]))
        more, less = (best.second, best.first) if best.difference[0] > 0 else (best.first, best.second)
        told += f" The widest: {label(more)} over {label(less)}, by {abs(100 * best.difference[0]):.2f} points."
    table = Table(columns, rows, frozenset(range(wide, len(columns))), name="questions")
    return Section("Pairs on the same questions", [Paragraph(intro), Paragraph(told), table])


def _short(levels: Levels, other: Levels) -> str:
    return levels[0] if levels[1:] == other[1:] and levels else label(levels)


def _pair(first: Levels, second: Levels, own: Sequence[Answered], their: Sequence[Answered]) -> PairOnQuestions | None:
    own, their = ([(seed, right) for seed, right in group if right] for group in (own, their))
    if not own or not their:
        return None
    shared = [one for one in own[0][1] if all(one in right for _, right in [*own, *their])]
    if not shared:
        return None
    shares = [[sum(right[one] for _, right in group) / len(group) for one in shared] for group in (own, their)]
    differences = [round(after - before, 9) for before, after in zip(*shares, strict=True)]
    by_seed = dict(their)
    seed, right = next((run for run in own if run[0] in by_seed), own[0])
    other_seed, other = (seed, by_seed[seed]) if seed in by_seed else their[0]
    told = seed if seed == other_seed else f"{seed}, {other_seed}"
    test = mcnemar([right[at] for at in shared], [other[at] for at in shared])
    return PairOnQuestions(first, second, len(shared), paired_bootstrap(differences), told, test, 1.0)
