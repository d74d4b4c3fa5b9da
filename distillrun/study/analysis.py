"""The analysis of ratings: each figure with the test that goes with it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev, variance
from typing import Literal

from distillrun.statistics.assumptions import TestResult, levene, shapiro
from distillrun.statistics.correction import bonferroni, holm
from distillrun.statistics.mixed import MixedFit
from distillrun.statistics.ranks import RankDifference, RankTest, dunn, friedman, kruskal_wallis
from distillrun.study.models import QualityModel, default_references, outlying_rows, quality_mixed, quality_models
from distillrun.study.next_study import NextStudy, next_study
from distillrun.study.predictors import MODEL
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
class Analysis:
    """Everything about one set of ratings.

    Attributes:
        described: each model on each construct, and on their mean, the quality.
        alpha: Cronbach's, of the constructs; nan where they do not vary.
        tests: by construct.
        outlying: where the rows stand that the outlier rule takes out.
        quality: linear models, each with all rows and without outlying ones.
        mixed: the first of them with intercepts for raters and items; None where there is none, and `unmixed` says why.
        complete_raters: how many rated every model, on whose means Friedman's test rests.
        next_study: what it needs.
    """

    described: Sequence[Described]
    alpha: float
    tests: Sequence[ConstructTest]
    outlying: Sequence[str]
    quality: Sequence[QualityModel]
    mixed: MixedFit | None
    unmixed: str
    complete_raters: int
    next_study: NextStudy


def analyse(ratings: Ratings, about: Sequence[str], references: Mapping[str, str], correction: Correction) -> Analysis:
    """Return the analysis of checked ratings.

    Args:
        ratings: of two models or more, by two raters or more.
        about: what of the raters enters a linear model.
        references: of the model, the one that pairs and linear models compare the others with, and of what is told of
            raters, the level that linear models do; if not named, the first model in alphabetical order, and the first
            level that occurs.
        correction: of Dunn's pairs, within a construct.
    """
    rows, names = list(ratings.rows), [*ratings.constructs, QUALITY]
    references = default_references(rows, references)
    # the reference stands first, so that every pair with it is compared against it
    models = sorted(ratings.models, key=lambda model: model != references[MODEL])
    complete = _complete(rows, models)
    gone = outlying_rows(rows)
    mixed, unmixed = None, ""
    try:
        mixed = quality_mixed(rows, references)
    except ValueError as error:
        unmixed = str(error)
    return Analysis(
        described=[_described(rows, model, name) for name in names for model in models],
        alpha=cronbach_alpha([list(row.values.values()) for row in rows]),
        tests=[_tested(rows, models, name, complete, correction) for name in names],
        outlying=gone,
        quality=quality_models(rows, gone, about, references),
        mixed=mixed,
        unmixed=unmixed,
        complete_raters=len(complete),
        next_study=next_study(rows, models, mixed),
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
