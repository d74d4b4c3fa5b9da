"""The tables of a sweep's page: the cells beside baselines without a student, and their other scores."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from distillrun.records import Json
from distillrun.report.page.block import Link, Paragraph, Section, Table
from distillrun.report.run.values import mapping
from distillrun.report.sweep.grid import Grid, seed_of
from distillrun.report.sweep.job import SweepJob
from distillrun.report.sweep.results import CellRow
from distillrun.text.display import NOTHING, duration, number

Interval = tuple[float, float, float]

MOST_SCORES = 5
"""In one table, so that it fits a sheet of paper."""

NO_INTERVAL: Interval = (float("nan"), float("nan"), float("nan"))


def main_section(grid: Grid, rows: Sequence[CellRow], floor: Mapping[str, float], out: Path) -> Section:
    """Return the main table: what needs no student first, then a row for each cell, with links to its runs' pages."""
    unparsed = grid.metric.rpartition("/")[0] + "/unparsed"
    metric = grid.metric.rpartition("/")[2]
    best, worst = (in_unit(name, grid.is_share) for name in ("best", "worst"))
    heads = ("seeds", in_unit(metric, grid.is_share), "95 % interval", best, worst, "unparsed, %")
    costs = ("teacher tokens", "US$", "training", "parameters")
    columns = (*(grid.factors or ("",)), *heads, *costs, "run of seed")
    wide = max(1, len(grid.factors))
    body = [
        (name, *[""] * (wide - 1), NOTHING, percent(value), *[NOTHING] * (len(columns) - wide - 2))
        for name, value in floor.items()
    ]
    links = {}
    for row in rows:
        mean, *bounds = row.scores.get(grid.metric, NO_INTERVAL)
        shares = (row.best, row.worst, row.scores.get(unparsed, NO_INTERVAL)[0])
        runs = grid.cells[row.levels]
        if found := [link for job in runs if (link := _page_of(job, out))]:
            links[len(body), len(columns) - 1] = found
        body.append(
            (
                *(row.levels or ("all runs",)),
                str(row.seeds),
                amount(mean, grid.is_share),
                span(bounds[0], bounds[1], grid.is_share),
                *(amount(value, grid.is_share) for value in shares[:2]),
                amount(shares[2], share=True),
                *_costs(row),
                ", ".join(seed_of(job) or job.name for job in runs),
            )
        )
    intro = (
        "Means over training seeds with 95 % t intervals, which hold for other seeds on these questions (shares are "
        "cut at 0 and 100 %). For a cell with a single seed, the interval is over the questions of its run and says "
        "nothing about other seeds. Costs are means over seeds; teacher tokens are all that went into a run's data, "
        "including those that another run paid for."
    )
    table = Table(columns, body, frozenset(range(wide, len(columns) - 1)), name="main", links=links)
    return Section("Results", [Paragraph(intro), table])


def _page_of(job: SweepJob, out: Path) -> Link | None:
    """Return a link to a run's page; None where it has none."""
    page = job.folder / "report.html"
    if not page.is_file():
        return None
    path = os.path.relpath(page.resolve(), out.resolve())
    return Link(seed_of(job) or job.name, Path(path).as_posix())


def score_section(grid: Grid, rows: Sequence[CellRow]) -> Section | None:
    """Return all other scores of the cells, explanation measures among them; None where there are none."""
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    names = [name for name in names if name != grid.metric and not name.endswith("/unparsed")]
    if not names:
        return None
    parts = [names[begin : begin + MOST_SCORES] for begin in range(0, len(names), MOST_SCORES)]
    intro = (
        "Every other score, as mean and 95 % interval over seeds or, for a single seed, over its questions. A score "
        "that is missing in one run of a cell is left out."
    )
    tables = [_scores(grid, rows, part, f"scores_{place}" if place else "scores") for place, part in enumerate(parts)]
    return Section("Other scores", [Paragraph(intro), *tables])


def _scores(grid: Grid, rows: Sequence[CellRow], names: Sequence[str], title: str) -> Table:
    shares = {name: grid.are_shares(name) for name in names}
    body = []
    for row in rows:
        found = [row.scores.get(name, NO_INTERVAL) for name in names]
        cells = (
            amount(mean, shares[name]) + (f" [{span(low, high, shares[name])}]" if low == low else "")
            for name, (mean, low, high) in zip(names, found, strict=True)
        )
        body += [(*(row.levels or ("all runs",)), *cells)] if row.scores else []
    wide = max(1, len(grid.factors))
    columns = (*(grid.factors or ("",)), *(in_unit(name.removeprefix("test/"), shares[name]) for name in names))
    return Table(columns, body, frozenset(range(wide, len(columns))), name=title)


def amount(value: float, share: bool) -> str:
    """Return a score: a share in percent with two decimals, another number with four digits; a dash for nan."""
    return NOTHING if value != value else f"{100 * value:.2f}" if share else f"{value:.4g}"


def in_unit(name: str, share: bool) -> str:
    """Return the name of a score with the unit that its column is in."""
    return f"{name}, %" if share else name


def percent(value: float) -> str:
    """Return a share in percent, as the main table has it."""
    return amount(value, share=True)


def span(low: float, high: float, share: bool) -> str:
    """Return the bounds of an interval; a dash where they are not known."""
    return NOTHING if low != low or high != high else f"{amount(low, share)} to {amount(high, share)}"


def _costs(row: CellRow) -> tuple[str, ...]:
    tokens = [row.costs[name] for name in ("teacher/prompt_tokens", "teacher/completion_tokens") if name in row.costs]
    return (
        whole(sum(tokens)) if tokens else NOTHING,
        number(row.costs.get("teacher/usd")),
        duration(row.costs.get("training/seconds")),
        whole(row.costs["student/parameters"]) if "student/parameters" in row.costs else NOTHING,
    )


def whole(value: float) -> str:
    """Return a count with separators."""
    return f"{value:,.0f}"


def versions(jobs: Sequence[SweepJob]) -> list[tuple[str, str]]:
    """Return what the runs ran on, each entry with all of its values where runs differ."""
    found: dict[str, Counter[str]] = {}
    for job in jobs:
        environment = mapping(job.result.get("environment"))
        flat: dict[str, Json] = {**environment, **mapping(environment.get("packages"))}
        for name, value in flat.items():
            if value is not None and not isinstance(value, dict):
                found.setdefault(name, Counter())[str(value)] += 1
    return [
        (name, ", ".join(value if len(values) == 1 else f"{value} ({count} runs)" for value, count in values.items()))
        for name, values in found.items()
    ]
