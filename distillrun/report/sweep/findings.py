"""Everything on a sweep's page, as values, before any of it is written."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distillrun.report.comparison.compare import Comparison, Observation, compare, without_outliers
from distillrun.report.comparison.words import change_sentences
from distillrun.report.comparison.writing import plain_numbers
from distillrun.report.sweep.grid import Grid, grid_of
from distillrun.report.sweep.questions import Pairs, paired
from distillrun.report.sweep.reading import Sweeps, read_sweeps
from distillrun.report.sweep.results import CellRow, cell_rows
from distillrun.report.sweep.tables import baselines
from distillrun.report.sweep.troubles import flags


@dataclass(frozen=True, slots=True)
class Findings:
    """The contents of the folders of sweeps.

    Attributes:
        sweeps: the jobs.
        grid: their factors and cells.
        rows: the numbers of each cell.
        whole, kept: the statistics of all measured runs, and without outlying ones; None where nothing differs.
        pairs: cells on the same questions.
        floor: what needs no student, by name; empty where no accuracy is compared.
    """

    sweeps: Sweeps
    grid: Grid
    rows: Sequence[CellRow]
    whole: Comparison | None
    kept: Comparison | None
    pairs: Pairs
    floor: Sequence[tuple[str, float]]

    @property
    def chance(self) -> float | None:
        """The score of guessing; None where it is not known."""
        return dict(self.floor).get("guessing")

    def values(self) -> dict[str, Any]:
        """Return all of it as JSON-able values."""
        whole, kept, jobs = self.whole, self.kept, self.sweeps.jobs
        values: dict[str, Any] = plain_numbers(
            {
                "folders": list(dict.fromkeys(str(job.sweep) for job in jobs)),
                "commands": list(self.sweeps.commands),
                "metric": self.grid.metric,
                "factors": list(self.grid.factors),
                "baselines": dict(self.floor),
                "cells": [asdict(row) for row in self.rows],
                "jobs": [{"name": job.name, "state": job.state, **job.job} for job in jobs],
                "complaints": list(self.sweeps.complaints),
                "flags": flags(self.grid, self.chance),
                "tests": whole and kept and {"all": asdict(whole), "without_outliers": asdict(kept)},
                "turned_by_the_outlier_rule": change_sentences(whole, kept) if whole and kept else [],
                "questions": [asdict(pair) for pair in self.pairs.compared],
            }
        )
        return values


def findings_of(folders: Sequence[Path], metric: str = "") -> Findings:
    """Return what is found in folders. Raises ConfigError as `read_sweeps` and `grid_of` do."""
    sweeps = read_sweeps(folders)
    grid = grid_of(sweeps.jobs, metric)
    floor = baselines(sweeps.jobs) if "accuracy" in grid.metric else []
    return Findings(sweeps, grid, cell_rows(grid), *_compared(grid), paired(grid), floor)


def _compared(grid: Grid) -> tuple[Comparison | None, Comparison | None]:
    """Return the statistics of all measured runs, and without outlying ones; None where nothing differs."""
    scale = 100.0 if grid.is_share else 1.0
    runs = [
        Observation(levels, scale * job.scores[grid.metric], job.name)
        for levels, jobs in grid.measured.items()
        for job in jobs
    ]
    # a factor whose other levels have no measured run yet cannot be tested
    varied = [place for place in range(len(grid.factors)) if len({run.levels[place] for run in runs}) > 1]
    if not varied:
        return None, None
    names = [grid.factors[place] for place in varied]
    own = [Observation(tuple(run.levels[place] for place in varied), run.value, run.where) for run in runs]
    return compare(names, own), compare(names, without_outliers(own)[0])
