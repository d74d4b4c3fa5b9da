"""Everything on a sweep's page, as values, before any of it is written."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distillrun.report.comparison.compare import Comparison, Observation, compare, without_outliers
from distillrun.report.comparison.words import change_sentences
from distillrun.report.comparison.writing import plain_numbers
from distillrun.report.sweep.floor import Floor, Standing, floors, standings
from distillrun.report.sweep.grid import Grid, grid_of
from distillrun.report.sweep.questions import Pairs, paired
from distillrun.report.sweep.reading import Sweeps, read_sweeps
from distillrun.report.sweep.results import CellRow, cell_rows
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
        floors: what needs no student; empty where no accuracy is compared.
        best: the cell of the highest mean; None where no job has a score.
        standings: how far that cell lies above the floors.
    """

    sweeps: Sweeps
    grid: Grid
    rows: Sequence[CellRow]
    whole: Comparison | None
    kept: Comparison | None
    pairs: Pairs
    floors: Sequence[Floor]
    best: CellRow | None
    standings: Sequence[Standing]

    @property
    def floor_shares(self) -> dict[str, float]:
        """The score of each floor, by its name."""
        return {floor.name: floor.share for floor in self.floors}

    @property
    def chance(self) -> float | None:
        """The score of guessing; None where it is not known."""
        return self.floor_shares.get("guessing")

    def values(self) -> dict[str, Any]:
        """Return all of it as JSON-able values."""
        whole, kept, jobs = self.whole, self.kept, self.sweeps.jobs
        values: dict[str, Any] = plain_numbers(
            {
                "folders": list(dict.fromkeys(str(job.sweep) for job in jobs)),
                "commands": list(self.sweeps.commands),
                "metric": self.grid.metric,
                "factors": list(self.grid.factors),
                "baselines": self.floor_shares,
                "best": self.best
                and {
                    "levels": list(self.best.levels),
                    "above": {one.floor.name: {**asdict(one.difference), "p": one.p} for one in self.standings},
                },
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
    found = floors(sweeps.jobs) if "accuracy" in grid.metric else []
    rows = cell_rows(grid)
    best = max((row for row in rows if row.seeds), key=lambda row: row.scores[grid.metric][0], default=None)
    above = standings(grid, best.levels, found) if best is not None else []
    return Findings(sweeps, grid, rows, *_compared(grid), paired(grid), found, best, above)


def _compared(grid: Grid) -> tuple[Comparison | None, Comparison | None]:
    """Return the statistics of all measured runs, and without outlying ones; None where nothing differs."""
    runs = [
        Observation(levels, grid.shown_scale * job.scores[grid.metric], job.name)
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
