"""Linear models: the effect of each predictor on a number, with the others held fixed."""

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
    """An estimate with its standard error, t and its degrees of freedom, p, and 95 % interval."""

    name: str
    estimate: float
    error: float
    statistic: float
    df: float
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

    names, design = design_matrix(len(outcome), columns, references or {})
    check_spread(outcome, design)
    fit: Any = sm.OLS(list(map(float, outcome)), design).fit()
    bounds = fit.conf_int()
    coefficients = tuple(
        Coefficient(
            name, *map(float, (fit.params[n], fit.bse[n], fit.tvalues[n], fit.df_resid, fit.pvalues[n], *bounds[n]))
        )
        for n, name in enumerate(names)
    )
    whole = map(float, (fit.rsquared, fit.rsquared_adj, fit.fvalue))
    r_squared, adjusted, f = whole
    return LinearFit(
        coefficients, len(outcome), r_squared, adjusted, f, int(fit.df_model), int(fit.df_resid), float(fit.f_pvalue)
    )


def design_matrix(
    count: int, columns: Columns, references: Mapping[str, str]
) -> "tuple[list[str], NDArray[np.float64]]":
    """Return the names of the coefficients and the predictors' values, [n, coefficients], an intercept first.

    Raises:
        ValueError: as `linear_model`.
    """
    import numpy as np

    names, values = ["(intercept)"], [np.ones(count)]
    for name, column in columns.items():
        if len(column) != count:
            raise ValueError(f"{name} has {len(column)} values for {count} rows")
        if len(set(column)) < 2:
            raise ValueError(
                f"{name} is constant ({column[0] if count else 'no row'}), so it explains nothing; leave it out"
            )
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


def check_spread(outcome: Sequence[float], design: "NDArray[np.float64]") -> None:
    """Raise ValueError where the predictors explain every value, so that no error can be told."""
    import numpy as np

    values = np.asarray(outcome, dtype=float)
    solution, *_ = np.linalg.lstsq(design, values, rcond=None)
    if float(np.abs(values - design @ solution).max()) <= 1e-9 * max(1.0, float(np.abs(values).max())):
        raise ValueError("the predictors explain every value, so no effect can be told from chance")
