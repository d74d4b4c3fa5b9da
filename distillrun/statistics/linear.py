"""Linear models of ratings: ordinary, and with intercepts for raters and items."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Columns = Mapping[str, Sequence[float | str]]
"""Predictors by name: numbers as they are, names as indicators of every level but the first (the reference)."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """An estimate with its standard error, test statistic (t, or z of a mixed model), p, and 95 % interval."""

    name: str
    estimate: float
    error: float
    statistic: float
    p: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LinearFit:
    """An ordinary least squares fit; `f` tests all predictors at once, with (df, residual_df)."""

    coefficients: tuple[Coefficient, ...]
    n: int
    r_squared: float
    adjusted_r_squared: float
    f: float
    df: int
    residual_df: int
    p: float


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A fit with random intercepts.

    Attributes:
        coefficients: of the fixed effects; z instead of t.
        n: observations.
        variances: of each group's intercepts.
        residual_variance: of what neither explains.
        shares: of each group, its intercepts' share of all variance (intraclass correlation).
        note: why the fit is to be read with care; empty where it is not.
    """

    coefficients: tuple[Coefficient, ...]
    n: int
    variances: Mapping[str, float]
    residual_variance: float
    shares: Mapping[str, float]
    note: str = ""


def linear_model(outcome: Sequence[float], columns: Columns, references: Mapping[str, str] | None = None) -> LinearFit:
    """Return the ordinary least squares fit of an outcome on predictors, R's `lm`.

    Args:
        outcome: [n].
        columns: the predictors.
        references: of a predictor of names, the level that the others are compared with; the first that occurs if not
            named.

    Raises:
        ValueError: a predictor is constant or follows from the others, there are too few rows, or nothing is left that
            the predictors do not explain.
    """
    import statsmodels.api as sm

    names, design = _design(len(outcome), columns, references or {})
    _check_spread(outcome, design)
    fit: Any = sm.OLS(list(map(float, outcome)), design).fit()
    bounds = fit.conf_int()
    coefficients = tuple(
        Coefficient(name, *map(float, (fit.params[n], fit.bse[n], fit.tvalues[n], fit.pvalues[n], *bounds[n])))
        for n, name in enumerate(names)
    )
    whole = map(float, (fit.rsquared, fit.rsquared_adj, fit.fvalue))
    r_squared, adjusted, f = whole
    return LinearFit(
        coefficients, len(outcome), r_squared, adjusted, f, int(fit.df_model), int(fit.df_resid), float(fit.f_pvalue)
    )


def mixed_model(
    outcome: Sequence[float],
    columns: Columns,
    groups: Mapping[str, Sequence[str]],
    references: Mapping[str, str] | None = None,
) -> MixedFit:
    """Return a fit with a random intercept for each level of each grouping, which may cross (REML).

    Ratings of one rater, or of one item, are alike; a model that takes them for independent finds effects too easily.

    Args:
        outcome, columns, references: as in `linear_model`.
        groups: such as rater and item; one whose every level occurs once is left out, since it cannot be told from the
            residual.

    Raises:
        ValueError: as `linear_model`, or no grouping is left.

    Source: Baayen, Davidson and Bates 2008, https://doi.org/10.1016/j.jml.2007.12.005 (crossed intercepts).
    """
    import numpy as np
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    names, design = _design(len(outcome), columns, references or {})
    _check_spread(outcome, design)
    kept = {name: levels for name, levels in groups.items() if 1 < len(set(levels)) < len(levels)}
    if not kept:
        raise ValueError(f"no level of {' or '.join(groups)} occurs twice, so nothing can be told apart from chance")
    indicators = {name: _indicators(levels) for name, levels in kept.items()}
    components = VCSpec(
        [*kept],
        [[[f"{name}[{n}]" for n in range(matrix.shape[1])]] for name, matrix in indicators.items()],
        [[matrix] for matrix in indicators.values()],
    )
    model: Any = MixedLM(np.asarray(outcome, float), design, np.zeros(len(outcome)), exog_vc=components)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit: Any = model.fit(reml=True, method=["lbfgs", "powell"])
    residual = float(fit.scale)
    variances = {name: max(0.0, float(value)) for name, value in zip(kept, np.atleast_1d(fit.vcomp), strict=True)}
    total = residual + sum(variances.values())
    count = len(names)
    bounds = fit.conf_int()
    coefficients = tuple(
        Coefficient(name, *map(float, (fit.params[n], fit.bse[n], fit.tvalues[n], fit.pvalues[n], *bounds[n])))
        for n, name in enumerate(names)
    )
    note = "" if fit.converged else "the fit did not converge, so its figures are no more than a hint"
    if not note and any(value < 1e-6 * total for value in variances.values()):
        none = " and ".join(name for name, value in variances.items() if value < 1e-6 * total)
        note = f"the intercepts of {none} do not vary beyond chance"
    if not note and any(not math.isfinite(one.error) for one in coefficients[:count]):
        note = f"the standard errors could not be found ({caught[-1].message if caught else 'no reason given'})"
    shares = {name: value / total for name, value in variances.items()}
    return MixedFit(coefficients, len(outcome), variances, residual, shares, note)


def _design(count: int, columns: Columns, references: Mapping[str, str]) -> "tuple[list[str], NDArray[np.float64]]":
    """Return the names of the predictors and their values, [n, predictors], an intercept first."""
    import numpy as np

    names, values = ["(intercept)"], [np.ones(count)]
    for name, column in columns.items():
        if len(column) != count:
            raise ValueError(f"{name} has {len(column)} values for {count} rows")
        if len(set(column)) < 2:
            raise ValueError(f"{name} is constant ({column[0] if count else 'no row'}): it can explain nothing")
        if any(isinstance(value, str) for value in column):
            levels = sorted({str(value) for value in column})
            reference = references.get(name, str(column[0]))
            if reference not in levels:
                raise ValueError(f"{name} has no level {reference!r}; its levels: {', '.join(levels)}")
            for level in levels:
                if level != reference:
                    names.append(f"{name}: {level}")
                    values.append(np.array([float(value == level) for value in column]))
        else:
            names.append(name)
            values.append(np.array([float(value) for value in column]))
    design = np.stack(values, axis=1)
    for place in range(2, design.shape[1] + 1):
        if np.linalg.matrix_rank(design[:, :place]) < place:
            raise ValueError(f"{names[place - 1]} follows from the predictors before it; leave it out")
    if count <= design.shape[1]:
        raise ValueError(f"{count} rows are too few for {design.shape[1]} coefficients")
    return names, design


def _check_spread(outcome: Sequence[float], design: "NDArray[np.float64]") -> None:
    """Raise ValueError where the predictors explain every value, so that no error can be told."""
    import numpy as np

    values = np.asarray(outcome, dtype=float)
    solution, *_ = np.linalg.lstsq(design, values, rcond=None)
    if float(np.abs(values - design @ solution).max()) <= 1e-9 * max(1.0, float(np.abs(values).max())):
        raise ValueError("the predictors explain every value, so nothing can be told apart from chance")


def _indicators(levels: Sequence[str]) -> "NDArray[np.float64]":
    import numpy as np

    names = sorted(set(levels))
    return np.array([[float(level == name) for name in names] for level in levels])
