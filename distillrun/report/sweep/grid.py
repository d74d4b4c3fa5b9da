"""The factors of a sweep, found in the differences of its jobs, and its cells: jobs that differ in their seed alone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distillrun.errors import ConfigError, nearest
from distillrun.records import Json, main_score
from distillrun.report.run.values import finite, mapping
from distillrun.report.sweep.job import SweepJob
from distillrun.text.display import NOTHING

SEED = "training.seed"
ASIDE = (SEED, "paths", "runtime", "tracking", "hydra", "sweep", "name", "until", "replicates")
"""Settings, or sections of them, that tell no cell from another: they change no result, or only its seed."""

Levels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The jobs of a sweep in order.

    Attributes:
        factors: settings in which jobs differ: names before numbers, those of many levels first.
        cells: all jobs by their levels; `measured` are those that count.
        metric: the score that is compared, such as test/accuracy; empty where no job has one.
        measured: of each cell, the jobs that have the metric, one for each seed.
        repeated: jobs that repeat another's settings and seed, and so its result; they are not counted twice.
    """

    factors: tuple[str, ...]
    cells: Mapping[Levels, Sequence[SweepJob]]
    metric: str
    measured: Mapping[Levels, Sequence[SweepJob]]
    repeated: Sequence[SweepJob]

    @property
    def is_share(self) -> bool:
        """True if the metric is a fraction in every run, and shown in percent."""
        return self.are_shares(self.metric)

    @property
    def unit(self) -> str:
        """The unit in which the metric is shown."""
        return "%" if self.is_share else ""

    @property
    def shown_scale(self) -> float:
        """The factor that the metric is multiplied by where it is shown."""
        return 100.0 if self.is_share else 1.0

    @property
    def rating_scale(self) -> tuple[float, float] | None:
        """The ends of the scale of a metric that is a rating; None where it is none."""
        units = {job.unit(self.metric) for jobs in self.measured.values() for job in jobs}
        points = re.fullmatch(r"of (\d+)", units.pop()) if len(units) == 1 else None
        return (1.0, float(points[1])) if points else None

    def are_shares(self, name: str) -> bool:
        """Return whether a score is a share in every run that has it."""
        return all(job.is_share(name) for jobs in self.measured.values() for job in jobs if name in job.scores)

    def values(self, levels: Levels) -> list[float]:
        """Return the metric of each counted job of a cell."""
        return [job.scores[self.metric] for job in self.measured.get(levels, ())]


def grid_of(jobs: Sequence[SweepJob], metric: str = "") -> Grid:
    """Return the factors and cells of jobs.

    Args:
        jobs: of one task.
        metric: the score to compare; empty = test/accuracy, else the first accuracy, else the first test score.

    Raises:
        ConfigError: no job has that score.
    """
    keys = list(dict.fromkeys(key for job in jobs for key in job.overrides if not _aside(key)))
    factors = [key for key in keys if len({level(job, key) for job in jobs}) > 1]
    factors += _unexplained(jobs, factors)
    ordered = _ordered(jobs, factors)
    metric = _metric(jobs, metric)
    ranks = [_ranks(jobs, factor) for factor in ordered]
    cells: dict[Levels, list[SweepJob]] = {}
    for job in jobs:
        cells.setdefault(tuple(level(job, factor) for factor in ordered), []).append(job)
    cells = dict(sorted(cells.items(), key=lambda cell: [rank[one] for rank, one in zip(ranks, cell[0], strict=True)]))
    measured, repeated = {}, []
    for levels, own in cells.items():
        by_seed: dict[str, SweepJob] = {}
        for job in own:
            if metric in job.scores:
                seed = seed_of(job) or job.name
                if seed in by_seed:
                    repeated.append(job)
                by_seed.setdefault(seed, job)
        if by_seed:
            measured[levels] = list(by_seed.values())
    return Grid(tuple(ordered), cells, metric, measured, repeated)


def level(job: SweepJob, key: str) -> str:
    """Return a job's value of a setting: the option of a group, the value in its config, or what it was told."""
    selected = mapping(job.result.get("selected"))
    if key in selected:
        return shown(selected[key])
    if key in job.config:
        return shown(job.config[key])
    return job.overrides.get(key, NOTHING)


def shown(value: Json) -> str:
    """Return a setting's value as one reads it on a command line, numbers in their shortest form."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ",".join(shown(item) for item in value)
    return str(value)


def seed_of(job: SweepJob) -> str:
    """Return the training seed of a job; empty where it is not known."""
    found = level(job, SEED)
    return "" if found == NOTHING else found


def label(levels: Levels) -> str:
    """Return a cell's name."""
    return " · ".join(levels) or "all runs"


def _metric(jobs: Sequence[SweepJob], wanted: str) -> str:
    names = list(dict.fromkeys(name for job in jobs for name in job.scores))
    if wanted and wanted not in names:
        raise ConfigError(
            f"no run has the score {wanted!r}{nearest(wanted, names)}; there are {', '.join(names) or 'none'}"
        )
    return wanted or main_score(name for name in names if name.startswith("test/"))


def _aside(key: str) -> bool:
    section = key.replace("/", ".").split(".")[0]
    return key in ASIDE or section in ASIDE


def _unexplained(jobs: Sequence[SweepJob], factors: Sequence[str]) -> list[str]:
    """Return settings that differ between jobs of equal levels, so that nothing else than seeds is ever averaged."""
    cells: dict[Levels, list[SweepJob]] = {}
    for job in jobs:
        if job.config:
            cells.setdefault(tuple(level(job, factor) for factor in factors), []).append(job)
    found: dict[str, None] = {}
    for own in cells.values():
        keys = dict.fromkeys(key for job in own for key in job.config if not _aside(key))
        found |= {key: None for key in keys if len({shown(job.config.get(key)) for job in own}) > 1}
    return list(found)


def _ordered(jobs: Sequence[SweepJob], factors: Sequence[str]) -> list[str]:
    levels = {factor: {level(job, factor) for job in jobs} for factor in factors}
    return sorted(factors, key=lambda factor: (numeric(levels[factor]), -len(levels[factor])))


def numeric(levels: set[str]) -> bool:
    """Return whether all levels are numbers."""
    try:
        return all(finite(float(one)) is not None for one in levels)
    except ValueError:
        return False


def _ranks(jobs: Sequence[SweepJob], factor: str) -> dict[str, int]:
    levels = list(dict.fromkeys(level(job, factor) for job in jobs))
    return {one: rank for rank, one in enumerate(sorted(levels, key=float) if numeric(set(levels)) else levels)}
