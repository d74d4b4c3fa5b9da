"""Linear models of quality: with and without outlying rows, with and without what raters tell of themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from distillrun.statistics.assumptions import outlying
from distillrun.statistics.linear import LinearFit, linear_model
from distillrun.statistics.mixed import MixedFit, mixed_model
from distillrun.study.predictors import MODEL, predictors
from distillrun.study.ratings import Rating

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class QualityModel:
    """Quality on some predictors.

    Attributes:
        name: what tables of it are called.
        predictors: what it rests on.
        whole: the fit of all rows; None where there is none, and `notes` say why.
        kept: the fit without outlying rows; None where no row is outlying, or as above.
        turned: the coefficients that are significant in one of both fits only.
        notes: what was left out, and why there is no fit.
    """

    name: str
    predictors: Sequence[str]
    whole: LinearFit | None
    kept: LinearFit | None
    turned: Sequence[str] = field(default=())
    notes: Sequence[str] = field(default=())


def outlying_rows(rows: Sequence[Rating]) -> list[str]:
    """Return where the rows stand whose quality lies beyond their model's quartiles by 1.5 interquartile ranges."""
    found = []
    for model in dict.fromkeys(row.model for row in rows):
        own = [row for row in rows if row.model == model]
        flags = outlying([row.quality for row in own])
        found += [row.where for row, is_out in zip(own, flags, strict=True) if is_out]
    return found


def quality_models(
    rows: Sequence[Rating], gone: Sequence[str], about: Sequence[str], references: Mapping[str, str]
) -> list[QualityModel]:
    """Return quality on model and length, and, where raters say something of themselves, on that, too.

    Args:
        rows: all ratings.
        gone: where the outlying ones stand.
        about: what the raters say of themselves.
        references: of a predictor of names, the level that the others are compared with.
    """
    found = [_quality_model("linear", rows, gone, (), references)]
    return [*found, _quality_model("linear_demographics", rows, gone, about, references)] if about else found


def quality_mixed(rows: Sequence[Rating], references: Mapping[str, str]) -> MixedFit:
    """Return quality on model and length, with intercepts for raters and for the explanations that they rate.

    Raises:
        ValueError: it cannot be fitted.
    """
    used = predictors(rows, ())
    groups = {"rater": [row.rater for row in used.rows], "item": [row.item or row.where for row in used.rows]}
    return mixed_model([row.quality for row in used.rows], used.columns, groups, references)


def _quality_model(
    name: str, rows: Sequence[Rating], gone: Sequence[str], about: Sequence[str], references: Mapping[str, str]
) -> QualityModel:
    notes: dict[str, None] = {}  # in order, each once
    names = list(predictors(rows, about).columns)

    def fit(own: Sequence[Rating]) -> LinearFit | None:
        used = predictors(own, about)
        notes.update(dict.fromkeys(used.notes))
        # a reference may be known only of raters whose rows are left out
        known = {column: level for column, level in references.items() if level in used.columns.get(column, ())}
        try:
            return linear_model([row.quality for row in used.rows], used.columns, known)
        except ValueError as error:
            notes[f"there is no fit of {len(own)} rows: {error}"] = None
            return None

    whole = fit(rows)
    kept = fit([row for row in rows if row.where not in set(gone)]) if gone else None
    return QualityModel(name, names, whole, kept, _turned(whole, kept), list(notes))


def _turned(whole: LinearFit | None, kept: LinearFit | None) -> list[str]:
    if whole is None or kept is None:
        return []
    p = {one.name: one.p for one in kept.coefficients}
    return [one.name for one in whole.coefficients if one.name in p and (one.p < ALPHA) != (p[one.name] < ALPHA)]


def default_references(rows: Sequence[Rating], given: Mapping[str, str]) -> dict[str, str]:
    """Return the references that are given, and for the model, if it has none, the first in alphabetical order."""
    return {MODEL: min(row.model for row in rows), **given}
