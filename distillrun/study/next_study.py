"""The number of raters that the next study needs, estimated from this one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, variance

from distillrun.statistics.mixed import MixedFit
from distillrun.statistics.power import power, raters_needed
from distillrun.study.ratings import Rating

USUAL = (("a quarter of a point", 0.25), ("half a point", 0.5))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A difference in quality, the power of a study like this one, and the number of raters for a power of 80 %."""

    what: str
    difference: float
    power: float
    raters: int | None


@dataclass(frozen=True, slots=True)
class NextStudy:
    """The size of a next study.

    Attributes:
        raters: of this study.
        per_model: ratings of each model by each rater, on average at least one.
        per_item: ratings of each explanation, on average.
        variance: of a rating, without what is its rater's; nan where it cannot be estimated.
        basis: what the variance was taken from.
        wanted: for differences seen, and for usual ones.
    """

    raters: int
    per_model: int
    per_item: float
    variance: float
    basis: str
    wanted: Sequence[Wanted]


def next_study(rows: Sequence[Rating], models: Sequence[str], mixed: MixedFit | None) -> NextStudy:
    """Return what a study like this one, with more raters and as many more explanations, would need.

    Every rater rates every model, so that raters' own levels cancel. A model's mean then has the variance
    (residual + per_item x item) / (raters x per_model): an explanation that is rated twice brings its own level twice.
    Where no mixed model was fitted, the variance within models stands for both; it holds the raters' levels, too, so
    that the numbers are rather too large.

    Source: Westfall, Kenny and Judd 2014, https://doi.org/10.1037/xge0000014, of raters and items that cross.
    """
    raters = len({row.rater for row in rows})
    items = {row.item or row.where for row in rows}
    per_model = max(1, round(len(rows) / raters / len(models)))
    per_item = len(rows) / len(items)
    groups = {model: [row.quality for row in rows if row.model == model] for model in models}
    if mixed is not None and mixed.converged:
        spread, basis = mixed.residual_variance + per_item * mixed.variances.get("item", 0.0), "the mixed model"
    else:
        apart = [variance(values) for values in groups.values() if len(values) > 1]
        spread, basis = fmean(apart) if apart else math.nan, "the ratings within models"
    if not spread > 0:
        return NextStudy(raters, per_model, per_item, math.nan, basis, ())
    pairs = list(combinations(models, 2))
    means = {model: fmean(values) for model, values in groups.items()}
    seen = [(f"{second} − {first}, as seen", means[second] - means[first]) for first, second in pairs]
    wanted = [
        Wanted(
            what,
            difference,
            power(difference, spread, raters, per_model, len(pairs)),
            raters_needed(difference, spread, per_model, len(pairs)),
        )
        for what, difference in (*seen, *USUAL)
    ]
    return NextStudy(raters, per_model, per_item, spread, basis, wanted)
