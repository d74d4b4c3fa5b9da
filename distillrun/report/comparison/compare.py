"""The analysis of a table's factors: descriptives, assumptions, variance, pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, stdev

from distillrun.statistics.anova import Anova, anova
from distillrun.statistics.assumptions import TestResult, levene, outlying, shapiro
from distillrun.statistics.interval import mean_interval
from distillrun.statistics.tukey import Difference, tukey


@dataclass(frozen=True, slots=True)
class Observation:
    """One run: its level of each factor, its value, and where it stands (a row of a file, a run folder)."""

    levels: tuple[str, ...]
    value: float
    where: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The runs that share their levels. `low` and `high` are the 95 % t interval of the mean; nan for one run."""

    levels: tuple[str, ...]
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    sd: float | None
    median: float
    outlying: tuple[str, ...]
    normality: TestResult


@dataclass(frozen=True, slots=True)
class Family:
    """All pairs of the first factor's levels, within one level of each other factor."""

    within: tuple[str, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything about one table. `variance` is None where there is none to analyse, and `untested` says why."""

    factors: tuple[str, ...]
    n: int
    cells: tuple[Cell, ...]
    spread: TestResult
    variance: Anova | None
    untested: str
    families: tuple[Family, ...]


def cells_of(observations: Sequence[Observation]) -> dict[tuple[str, ...], list[Observation]]:
    """Return the observations by their levels, in order of appearance."""
    cells: dict[tuple[str, ...], list[Observation]] = {}
    for one in observations:
        cells.setdefault(one.levels, []).append(one)
    return cells


def without_outliers(observations: Sequence[Observation]) -> tuple[list[Observation], list[Observation]]:
    """Return what the rule of 1.5 interquartile ranges, applied to every cell once, keeps and what it takes out."""
    out = {
        id(one)
        for own in cells_of(observations).values()
        for one, is_out in zip(own, outlying([each.value for each in own]), strict=True)
        if is_out
    }
    return [one for one in observations if id(one) not in out], [one for one in observations if id(one) in out]


def compare(factors: Sequence[str], observations: Sequence[Observation]) -> Comparison:
    """Return everything that the statistics say about a table of runs.

    Args:
        factors: their names; pairs are compared of the levels of the first.
        observations: cell by cell, in the order in which levels are to be named.
    """
    cells = cells_of(observations)
    values, levels = [one.value for one in observations], [one.levels for one in observations]
    variance, untested = None, ""
    try:
        variance = anova(values, factors, levels)
    except ValueError as error:
        untested = str(error)
    return Comparison(
        tuple(factors),
        len(observations),
        tuple(_cell(own_levels, own) for own_levels, own in cells.items()),
        levene([[one.value for one in own] for own in cells.values()]),
        variance,
        untested,
        tuple(_families(cells)),
    )


def _cell(levels: tuple[str, ...], own: Sequence[Observation]) -> Cell:
    values = [one.value for one in own]
    mean, low, high = mean_interval(values)
    out = tuple(one.where for one, is_out in zip(own, outlying(values), strict=True) if is_out)
    sd = stdev(values) if len(values) > 1 else None
    return Cell(levels, tuple(values), mean, low, high, sd, median(values), out, shapiro(values))


def _families(cells: dict[tuple[str, ...], list[Observation]]) -> list[Family]:
    """Return the pairs of the first factor's levels, within each combination of the others'."""
    within: dict[tuple[str, ...], dict[str, list[float]]] = {}
    for (first, *others), own in cells.items():
        within.setdefault(tuple(others), {})[first] = [one.value for one in own]
    return [Family(others, tuple(tukey(groups))) for others, groups in within.items() if len(groups) > 1]
