"""A comparison as sections of a page."""

from collections.abc import Sequence

from distillrun.report.comparison.compare import Cell, Comparison
from distillrun.report.comparison.words import (
    ALPHA,
    change_sentences,
    effect_sentence,
    name_of,
    p_text,
    pooled_sentence,
    removal_sentence,
    shown,
    spread_sentence,
    within_text,
)
from distillrun.report.page.block import Block, Figure, Paragraph, Section, Table
from distillrun.report.page.cell_chart import Bar, CellChart
from distillrun.text.display import NOTHING

DIGITS = 2
"""Of means on a page; JSON and CSV hold all of them."""


def comparison_sections(made: Comparison, unit: str) -> list[Section]:
    """Return cells, variance and pairs of a comparison."""
    return [cell_section(made, unit), *variance_sections(made)]


def cell_section(made: Comparison, unit: str) -> Section:
    """Return the cells: bars with every run as a dot, and their descriptives."""
    columns = (
        *made.factors,
        *("n", "mean", "95 % interval", "sd", "median", "lowest", "highest"),
    )
    wide = len(made.factors)
    table = Table(
        columns,
        [_cell_row(cell) for cell in made.cells],
        frozenset(range(wide, len(columns))),
        name="cells",
    )
    chart = CellChart(bar_groups(made.cells), unit)
    caption = f"{chart.caption}, whiskers their 95 % t intervals, dots single runs."
    return Section("Cells", [Figure(chart.draw, caption, Table((), ()), name="bars"), table])


def bar_groups(cells: Sequence[Cell]) -> list[tuple[str, list[Bar]]]:
    """Return the cells as bars: a bar for each level of the first factor, a group for the levels of the others."""
    groups: dict[str, list[Bar]] = {}
    for cell in cells:
        first, *others = cell.levels
        groups.setdefault(", ".join(others), []).append(Bar(first, cell.mean, cell.low, cell.high, cell.values))
    return list(groups.items())


def variance_sections(made: Comparison) -> list[Section]:
    """Return the analysis of variance with its assumptions, and the pairs."""
    sections = [Section("Analysis of variance", _variance_blocks(made))]
    if made.families:
        sections.append(Section("Pairs", _pair_blocks(made)))
    return sections


def outlier_section(whole: Comparison, kept: Comparison) -> Section:
    """Return what the outlier rule changes: always shown, whichever result leads."""
    found = change_sentences(whole, kept)
    blocks: list[Block] = [Paragraph(removal_sentence(whole, kept, len(found)))]
    blocks += [Paragraph(sentence) for sentence in found]
    if kept.n < whole.n and whole.variance is not None and kept.variance is not None:
        rows: list[Sequence[str]] = []
        for title, made in ((f"all {whole.n} runs", whole.variance), (f"{kept.n} runs", kept.variance)):
            for effect in made.effects:
                eta = shown(effect.generalised_eta_squared)
                df = f"{effect.df}, {made.residual_df}"
                rows.append((title, name_of(effect), df, shown(effect.f), p_text(effect.p), eta))
        columns = ("rows", "effect", "df", "F", "p", "generalised η²")
        blocks.append(Table(columns, rows, frozenset({2, 3, 4, 5}), name="outlier_rule"))
    return Section("With and without outlying runs", blocks)


def _cell_row(cell: Cell) -> tuple[str, ...]:
    interval = NOTHING if cell.low != cell.low else f"{shown(cell.low, DIGITS)} to {shown(cell.high, DIGITS)}"
    numbers = (cell.median, min(cell.values), max(cell.values))
    return (
        *cell.levels,
        str(len(cell.values)),
        shown(cell.mean, DIGITS),
        interval,
        NOTHING if cell.sd is None else shown(cell.sd, DIGITS),
        *(shown(number, DIGITS) for number in numbers),
    )


def _variance_blocks(made: Comparison) -> list[Block]:
    blocks: list[Block] = []
    if made.variance is None:
        blocks.append(Paragraph(f"There is no analysis of variance: {made.untested}."))
    else:
        df = made.variance.residual_df
        blocks += [Paragraph(effect_sentence(effect, df)) for effect in made.variance.effects]
        tested: list[Sequence[str]] = [
            (
                name_of(effect),
                f"{effect.sum_of_squares:.4g}",
                str(effect.df),
                shown(effect.f),
                p_text(effect.p),
                shown(effect.generalised_eta_squared),
            )
            for effect in made.variance.effects
        ]
        tested.append(("residual", f"{made.variance.residual_sum_of_squares:.4g}", str(df), *[NOTHING] * 3))
        heads = ("effect (type II)", "sum of squares", "df", "F", "p", "generalised η²")
        blocks.append(Table(heads, tested, frozenset(range(1, 6)), name="anova"))
        blocks += [Paragraph(told)] if (told := pooled_sentence(made)) else []
    blocks.append(Paragraph(spread_sentence(made.spread)))
    intro = "Outlying: beyond the cell's quartiles by more than 1.5 interquartile ranges. W, p: Shapiro and Wilk's test"
    doubted = sum(cell.normality.p < ALPHA for cell in made.cells)
    intro += f", which doubts the normality of {doubted or 'no'} cell{'s' if doubted > 1 else ''}."
    rows = [
        (*cell.levels, str(len(cell.outlying)), shown(cell.normality.statistic), p_text(cell.normality.p))
        for cell in made.cells
    ]
    wide = len(made.factors)
    columns = (*made.factors, "outlying", "W", "p")
    blocks += [Paragraph(intro), Table(columns, rows, frozenset(range(wide, wide + 3)), name="assumptions")]
    return blocks


def _pair_blocks(made: Comparison) -> list[Block]:
    others = " and ".join(made.factors[1:])
    rows = [
        (
            *([within_text(family)] if others else []),
            f"{pair.second} − {pair.first}",
            shown(pair.difference, 4),
            NOTHING if pair.low != pair.low else f"{pair.low:.4f} to {pair.high:.4f}",
            p_text(pair.p),
            shown(pair.effect, 2),
        )
        for family in made.families
        for pair in family.differences
    ]
    columns = (*([others] if others else []), "pair", "difference", "95 % interval", "p", "d")
    wide = len(columns)
    intro = f"Tukey's honestly significant differences between all levels of {made.factors[0]}"
    intro += f", within each {others}" if others else ""
    intro += (
        ". Intervals and p hold for all pairs of a family together; "
        "d is the difference in pooled standard deviations of runs."
    )
    if single := sum(len(cell.values) == 1 for cell in made.cells):
        which = "One cell has a single run, and is" if single == 1 else f"{single} cells have a single run, and are"
        intro += f" {which} assumed to have the spread of the others; the data cannot show it."
    return [Paragraph(intro), Table(columns, rows, frozenset(range(wide - 4, wide)), name="pairs")]
