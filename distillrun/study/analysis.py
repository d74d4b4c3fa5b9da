"""What ratings say about models: each figure with the test that goes with it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median, stdev, variance
from typing import Literal

from distillrun.statistics.assumptions import TestResult, levene, outlying, shapiro
from distillrun.statistics.correction import bonferroni, holm
from distillrun.statistics.linear import LinearFit, MixedFit, linear_model, mixed_model
from distillrun.statistics.power import power, raters_needed
from distillrun.statistics.ranks import RankDifference, RankTest, dunn, friedman, kruskal_wallis
from distillrun.study.ratings import Rating, Ratings

QUALITY = "quality"
Correction = Literal["holm", "bonferroni"]
CORRECTIONS: dict[str, Callable[[Sequence[float]], list[float]]] = {"holm": holm, "bonferroni": bonferroni}


@dataclass(frozen=True, slots=True)
class Described:
    """One model on one construct; `se` is the standard error of the mean, nan for a single rating."""

    model: str
    construct: str
    n: int
    mean: float
    sd: float
    se: float
    median: float
    normality: TestResult


@dataclass(frozen=True, slots=True)
class ConstructTest:
    """One construct over all models."""

    construct: str
    spread: TestResult
    kruskal: RankTest
    pairs: Sequence[RankDifference]
    friedman: RankTest | None


@dataclass(frozen=True, slots=True)
class NextStudy:
    """What a next study needs to find a difference of two models."""

    what: str
    difference: float
    power: float
    raters: int | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything about one set of ratings; `failed` says by name what could not be computed, and why.

    Attributes:
        described: each model on each construct, and on their mean, the quality.
        alpha: Cronbach's, of the constructs; nan where they do not vary.
        tests: by construct.
        linear, linear_kept: quality on the model and the rest, with all rows and without outlying ones.
        outlying: the rows that the rule takes out.
        mixed: the same with intercepts for raters and items.
        complete_raters: how many rated every model, on whose means Friedman's test rests.
        next_study: for differences seen and usual ones.
    """

    described: Sequence[Described]
    alpha: float
    tests: Sequence[ConstructTest]
    linear: LinearFit | None
    linear_kept: LinearFit | None
    outlying: Sequence[str]
    mixed: MixedFit | None
    complete_raters: int
    next_study: Sequence[NextStudy]
    failed: Mapping[str, str]


def analyse(ratings: Ratings, about: Sequence[str], reference: str | None, correction: Correction) -> Analysis:
    """Return the analysis of checked ratings.

    Args:
        ratings: of two models or more, by two raters or more.
        about: what of the raters enters the linear models.
        reference: the model that the linear models compare with; None = the first in alphabetical order.
        correction: of Dunn's pairs, within a construct.
    """
    rows, models = list(ratings.rows), ratings.models
    names = [*ratings.constructs, QUALITY]
    described = [_described(rows, model, name) for name in names for model in models]
    complete = _complete(rows, models)
    tests = [_tested(rows, models, name, complete, correction) for name in names]
    failed: dict[str, str] = {}
    chosen = {"model": reference or models[0]}
    gone = _outlying(rows, models)
    kept = [row for row in rows if row.where not in gone]

    def linear(name: str, own: Sequence[Rating]) -> LinearFit | None:
        try:
            return linear_model([row.quality for row in own], _columns(own, about), chosen)
        except ValueError as error:
            failed[name] = str(error)
            return None

    mixed = None
    try:
        groups = {"rater": [row.rater for row in rows], "item": [row.item or row.where for row in rows]}
        mixed = mixed_model([row.quality for row in rows], _columns(rows, ()), groups, chosen)
    except ValueError as error:
        failed["mixed"] = str(error)
    return Analysis(
        described,
        cronbach_alpha([list(row.values.values()) for row in rows]),
        tests,
        linear("linear", rows),
        linear("linear_kept", kept) if gone else None,
        gone,
        mixed,
        len(complete),
        _next_study(rows, models, mixed),
        failed,
    )


def cronbach_alpha(items: Sequence[Sequence[float]]) -> float:
    """Return Cronbach's alpha of constructs that are summed up; nan where the sums do not vary.

    Args:
        items: of each rating, its value on each construct.

    Source: Cronbach 1951, https://doi.org/10.1007/BF02310555, equation 1.
    """
    k = len(items[0])
    total = variance([sum(row) for row in items]) if len(items) > 1 else 0.0
    if k < 2 or total <= 0:
        return math.nan
    apart = float(sum(variance(column) for column in zip(*items, strict=True)))
    return k / (k - 1) * (1 - apart / total)


def _value(row: Rating, name: str) -> float:
    return row.quality if name == QUALITY else float(row.values[name])


def _groups(rows: Sequence[Rating], models: Sequence[str], name: str) -> dict[str, list[float]]:
    return {model: [_value(row, name) for row in rows if row.model == model] for model in models}


def _described(rows: Sequence[Rating], model: str, name: str) -> Described:
    values = [_value(row, name) for row in rows if row.model == model]
    sd = stdev(values) if len(values) > 1 else math.nan
    error = sd / math.sqrt(len(values))
    return Described(model, name, len(values), fmean(values), sd, error, median(values), shapiro(values))


def _tested(
    rows: Sequence[Rating], models: Sequence[str], name: str, complete: Sequence[str], correction: Correction
) -> ConstructTest:
    groups = _groups(rows, models, name)
    blocks = [
        [fmean(_value(row, name) for row in rows if (row.rater, row.model) == (rater, model)) for model in models]
        for rater in complete
    ]
    agreed = friedman(blocks) if len(blocks) > 1 else None
    pairs = dunn(groups, CORRECTIONS[correction])
    return ConstructTest(name, levene(list(groups.values())), kruskal_wallis(groups), pairs, agreed)


def _complete(rows: Sequence[Rating], models: Sequence[str]) -> list[str]:
    """Return the raters who rated every model."""
    seen: dict[str, set[str]] = {}
    for row in rows:
        seen.setdefault(row.rater, set()).add(row.model)
    return [rater for rater, own in seen.items() if own == set(models)]


def _outlying(rows: Sequence[Rating], models: Sequence[str]) -> list[str]:
    """Return the rows whose quality lies beyond their model's quartiles by 1.5 interquartile ranges."""
    found = []
    for model in models:
        own = [row for row in rows if row.model == model]
        flags = outlying([row.quality for row in own])
        found += [row.where for row, is_out in zip(own, flags, strict=True) if is_out]
    return found


def _columns(rows: Sequence[Rating], about: Sequence[str]) -> dict[str, Sequence[float | str]]:
    """Return the predictors: the model, the length where every row tells it and it varies, and what raters told."""
    columns: dict[str, Sequence[float | str]] = {"model": [row.model for row in rows]}
    lengths = [row.length for row in rows if row.length is not None]
    if len(lengths) == len(rows) and len(set(lengths)) > 1:
        columns["rationale_length"] = lengths
    for name in about:
        told = [row.about.get(name) or "not told" for row in rows]
        try:
            columns[name] = [float(value) for value in told]
        except ValueError:
            columns[name] = told
    return columns


def _next_study(rows: Sequence[Rating], models: Sequence[str], mixed: MixedFit | None) -> list[NextStudy]:
    """Return the power of this study, and the raters that a next one needs, with as many ratings for each."""
    raters = len({row.rater for row in rows})
    per_model = max(1, round(len(rows) / raters / len(models)))
    pooled = fmean(variance(values) for values in _groups(rows, models, QUALITY).values() if len(values) > 1)
    spread = mixed.residual_variance if mixed is not None and mixed.residual_variance > 0 else pooled
    if not spread > 0:
        return []
    means = {model: fmean(values) for model, values in _groups(rows, models, QUALITY).items()}
    pairs = list(combinations(models, 2))
    seen = [(f"{second} − {first}, as seen", means[second] - means[first]) for first, second in pairs]
    asked = [*seen, ("a quarter of a point", 0.25), ("half a point", 0.5)]
    return [
        NextStudy(
            what,
            difference,
            power(difference, spread, raters, per_model, len(pairs)),
            raters_needed(difference, spread, per_model, len(pairs)),
        )
        for what, difference in asked
    ]
