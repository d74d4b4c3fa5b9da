"""The drawings of a sweep's page."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

from distillrun.report.page.block import Figure, Section, Table
from distillrun.report.page.cell_chart import Bar, CellChart
from distillrun.report.page.chart import Points, curves
from distillrun.report.page.palette import COLOURS
from distillrun.report.page.plane_chart import heat_map, scatter
from distillrun.report.run.values import finite
from distillrun.report.sweep.grid import Grid, Levels, label, numeric
from distillrun.report.sweep.job import SweepJob
from distillrun.report.sweep.results import CellRow, cost
from distillrun.report.sweep.tables import amount, in_unit, percent
from distillrun.text.display import NOTHING

MOST_BARS = 40
DEV = "dev/accuracy"


def bar_section(grid: Grid, rows: Sequence[CellRow], chance: float | None) -> Section:
    """Return the cells with intervals and every seed as a dot, as many drawings as it takes."""
    groups: dict[str, list[Bar]] = {}
    for row in rows:
        if row.seeds:
            first, *others = row.levels or ("all runs",)
            mean, low, high = (grid.shown_scale * number for number in row.scores[grid.metric])
            runs = [grid.shown_scale * value for value in grid.values(row.levels)]
            groups.setdefault(", ".join(others), []).append(Bar(first, mean, low, high, runs))
    level = None if chance is None or not grid.is_share else 100 * chance
    figures = []
    for place, part in enumerate(_parts(list(groups.items()))):
        chart = CellChart(part, grid.unit, level, grid.rating_scale)
        caption = f"{grid.metric}: {chart.caption[0].lower()}{chart.caption[1:]} over seeds, whiskers their 95 % "
        caption += f"intervals, dots single runs.{chart.off_axis}"
        if any(row.seeds == 1 for row in rows):
            caption += (
                " For a cell with a single seed, the whisker is over questions and says nothing about other seeds."
            )
        name = "accuracy" + (f"_{place}" if place else "")
        figures.append(Figure(chart.draw, caption, Table((), ()), name=name))
    return Section("Cells", figures)


def curve_section(grid: Grid, chance: float | None) -> Section | None:
    """Return dev accuracy over steps, the mean over seeds of each cell: a drawing for each setting of the others."""
    drawings: dict[str, dict[str, Points]] = {}
    for levels, jobs in grid.cells.items():
        first, *others = levels or ("all runs",)
        if points := _mean_curve(jobs):
            drawings.setdefault(", ".join(others), {})[first] = points
    figures = []
    for place, (where, series) in enumerate(drawings.items()):
        shown = dict([*series.items()][:COLOURS])
        left_out = f" The first {COLOURS} of {len(series)} are drawn." if len(series) > COLOURS else ""
        at = f" with {where}" if where else ""
        caption = f"Accuracy on dev during training{at}, mean over seeds.{left_out}"
        draw = partial(curves, shown, True, chance)
        name = "learning" + (f"_{place}" if place else "")
        figures.append(Figure(draw, caption, _last_points(series), name=name))
    return Section("Learning", figures) if figures else None


def cost_section(grid: Grid) -> Section | None:
    """Return every run's metric against its training time; None where no time is known."""
    series: dict[str, list[tuple[float, float]]] = {}
    rows = []
    for levels, jobs in grid.measured.items():
        for job in jobs:
            seconds = cost(job, "training/seconds")
            if seconds is not None:
                value = job.scores[grid.metric]
                series.setdefault((levels or ("all runs",))[0], []).append((seconds, grid.shown_scale * value))
                rows.append((label(levels), f"{seconds:.1f}", amount(value, grid.is_share)))
    if not series:
        return None
    caption = f"{grid.metric} against seconds of training on the machine that made each run; a dot is a run."
    table = Table(("cell", "seconds", in_unit(grid.metric, grid.is_share)), rows, frozenset({1, 2}))
    draw = partial(scatter, list(series.items()), "seconds of training", grid.unit)
    return Section("Accuracy against cost", [Figure(draw, caption, table, name="cost")])


def heat_section(grid: Grid, rows: Sequence[CellRow]) -> Section | None:
    """Return means by two swept numbers, a drawing for each setting of the others; None where none or one is swept."""
    places = [n for n in range(len(grid.factors)) if numeric({levels[n] for levels in grid.cells})][:2]
    if len(places) < 2:
        return None
    across, down = places
    columns, lines = (sorted({row.levels[place] for row in rows}, key=float) for place in places)
    grids: dict[Levels, dict[tuple[str, str], float]] = {}
    for row in rows:
        if row.seeds:
            others = tuple(one for place, one in enumerate(row.levels) if place not in places)
            at = row.levels[across], row.levels[down]
            grids.setdefault(others, {})[at] = round(grid.shown_scale * row.scores[grid.metric][0], 2)
    names = grid.factors[across], grid.factors[down]
    figures = []
    for place, (others, means) in enumerate(grids.items()):
        cells = [[means.get((column, line)) for column in columns] for line in lines]
        told = f"Mean {grid.metric}" + (", in percent" if grid.is_share else "")
        caption = told + (f" with {label(others)}" if others else "") + "."
        body = [
            (line, *(NOTHING if value is None else f"{value:g}" for value in own))
            for line, own in zip(lines, cells, strict=True)
        ]
        table = Table((names[1], *columns), body, frozenset(range(1, len(columns) + 1)))
        name = "heat_map" + (f"_{place}" if place else "")
        figures.append(Figure(partial(heat_map, columns, lines, cells, names), caption, table, name=name))
    return Section(f"{names[0]} and {names[1]}", figures) if figures else None


def _parts(groups: Sequence[tuple[str, list[Bar]]]) -> list[list[tuple[str, list[Bar]]]]:
    parts: list[list[tuple[str, list[Bar]]]] = [[]]
    for group in groups:
        if parts[-1] and sum(len(bars) for _, bars in parts[-1]) + len(group[1]) > MOST_BARS:
            parts.append([])
        parts[-1].append(group)
    return parts


def _mean_curve(jobs: Sequence[SweepJob]) -> Points:
    """Return the mean of dev accuracy at each step that all jobs with any reached."""
    known: list[dict[float, float]] = []
    for job in jobs:
        pairs = ((finite(line.get("step")), finite(line.get(DEV))) for line in job.metrics)
        own = {step: value for step, value in pairs if step is not None and value is not None}
        known += [own] if own else []
    steps = sorted(set.intersection(*map(set, known))) if known else []
    return [(step, fmean(own[step] for own in known)) for step in steps]


def _last_points(series: Mapping[str, Points]) -> Table:
    rows = [(name, f"{points[-1][0]:g}", percent(points[-1][1])) for name, points in series.items()]
    return Table(("", "step", in_unit(DEV, share=True)), rows, frozenset({1, 2}))
