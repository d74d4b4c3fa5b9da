"""The numbers of a sweep: a row for each job, and a row for each cell. The page shows these and no others."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from distillrun.records import Json
from distillrun.report.run.values import finite, mapping
from distillrun.report.sweep.grid import Grid, Levels, level, seed_of
from distillrun.report.sweep.job import SweepJob
from distillrun.statistics.interval import mean_interval, share_interval

COSTS: Mapping[str, tuple[str, str]] = {
    "teacher/prompt_tokens": ("teacher", "prompt_tokens"),
    "teacher/completion_tokens": ("teacher", "completion_tokens"),
    "teacher/usd": ("teacher", "usd"),
    "training/seconds": ("training", "seconds"),
    "training/target_tokens": ("training", "target_tokens"),
    "student/parameters": ("student", "parameters"),
    "student/bytes": ("student", "bytes"),
}
"""What a run took, by the name of its column: where it stands in `result.json`."""


@dataclass(frozen=True, slots=True)
class CellRow:
    """One cell: `scores` maps a score that all its jobs have to (mean, low, high), `costs` a cost to its mean.

    The interval is the t interval over seeds; of a single seed, it is the run's own, over questions.
    """

    levels: Levels
    jobs: int
    seeds: int
    best: float
    worst: float
    scores: Mapping[str, tuple[float, float, float]]
    costs: Mapping[str, float]


def job_rows(grid: Grid) -> tuple[list[str], list[list[Json]]]:
    """Return columns and rows of results.csv: every job with its settings, state, scores and costs."""
    jobs = [job for own in grid.cells.values() for job in own]
    counted = {id(job) for own in grid.measured.values() for job in own}
    names = list(dict.fromkeys(name for job in jobs for name in job.scores))
    columns = ["job", *grid.factors, "training.seed", "state", "counted", "seconds", *names, *COSTS]
    rows: list[list[Json]] = [
        [
            job.name,
            *(level(job, factor) for factor in grid.factors),
            seed_of(job),
            job.state,
            id(job) in counted,
            finite(job.job.get("seconds")),
            *(job.scores.get(name) for name in names),
            *(cost(job, name) for name in COSTS),
        ]
        for job in jobs
    ]
    return columns, rows


def cell_rows(grid: Grid) -> list[CellRow]:
    """Return the cells in order, those without any measured job among them."""
    return [_cell(grid, levels, jobs) for levels, jobs in grid.cells.items()]


def cell_table(grid: Grid, rows: Sequence[CellRow]) -> tuple[list[str], list[list[Json]]]:
    """Return columns and rows of cells.csv: of every score its mean and both bounds, in full precision."""
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    columns = [*grid.factors, "jobs", "seeds", "best", "worst"]
    columns += [column for name in names for column in (name, f"{name}/low", f"{name}/high")]
    missing = (math.nan, math.nan, math.nan)
    body: list[list[Json]] = [
        [
            *(row.levels),
            row.jobs,
            row.seeds,
            *map(finite, (row.best, row.worst)),
            *(finite(number) for name in names for number in row.scores.get(name, missing)),
            *(row.costs.get(name) for name in COSTS),
        ]
        for row in rows
    ]
    return [*columns, *COSTS], body


def cost(job: SweepJob, name: str) -> float | None:
    """Return what a run took, None where it is not known."""
    section, key = COSTS[name]
    return finite(mapping(job.result.get(section)).get(key))


def _cell(grid: Grid, levels: Levels, jobs: Sequence[SweepJob]) -> CellRow:
    own = grid.measured.get(levels, ())
    values = grid.values(levels)
    names = [name for name in (own[0].scores if own else ()) if all(name in job.scores for job in own)]
    scores = {name: _interval(name, own) for name in names}
    costs = {name: [taken for job in own if (taken := cost(job, name)) is not None] for name in COSTS}
    return CellRow(
        levels,
        len(jobs),
        len(own),
        max(values, default=math.nan),
        min(values, default=math.nan),
        scores,
        {name: fmean(found) for name, found in costs.items() if found},
    )


def _interval(name: str, jobs: Sequence[SweepJob]) -> tuple[float, float, float]:
    if len(jobs) > 1:
        interval = share_interval if all(job.is_share(name) for job in jobs) else mean_interval
        return interval([job.scores[name] for job in jobs])
    score = mapping(mapping(jobs[0].result.get("scores")).get(name))
    low, high = (finite(score.get(bound)) for bound in ("low", "high"))
    return jobs[0].scores[name], math.nan if low is None else low, math.nan if high is None else high
