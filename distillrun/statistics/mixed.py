"""Linear models of what was measured again and again: with intercepts for raters and items."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distillrun.statistics.linear import Coefficient, Columns, check_spread, design_matrix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEGLIGIBLE = 1e-6
"""The share of all variance below which intercepts count as equal."""


@dataclass(frozen=True, slots=True)
class JointTest:
    """Wald's test that all levels of a predictor are alike; chi squared with `df` degrees of freedom."""

    statistic: float
    df: int
    p: float


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A fit with random intercepts.

    Attributes:
        coefficients: of the fixed effects; z instead of t.
        joint: of each predictor of names, the test of all its levels at once.
        n: observations.
        variances: of each group's intercepts.
        residual_variance: of what neither explains.
        shares: of each group, its intercepts' share of all variance (intraclass correlation).
        converged: whether the likelihood's maximum was found, with finite errors; if not, no figure can be relied on.
        note: why the fit is to be read with care; empty where it is not.
    """

    coefficients: tuple[Coefficient, ...]
    joint: Mapping[str, JointTest]
    n: int
    variances: Mapping[str, float]
    residual_variance: float
    shares: Mapping[str, float]
    converged: bool
    note: str = ""


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
    names, design = design_matrix(len(outcome), columns, references or {})
    check_spread(outcome, design)
    kept = {name: levels for name, levels in groups.items() if 1 < len(set(levels)) < len(levels)}
    if not kept:
        raise ValueError(f"no level of {' or '.join(groups)} occurs twice, so nothing can be told apart from chance")
    fit, warned = _fitted(outcome, design, kept)
    residual = float(fit.scale)
    variances = {name: max(0.0, float(value)) for name, value in zip(kept, fit.vcomp, strict=True)}
    total = residual + sum(variances.values())
    bounds = fit.conf_int()
    coefficients = tuple(
        Coefficient(name, *map(float, (fit.params[n], fit.bse[n], fit.tvalues[n], fit.pvalues[n], *bounds[n])))
        for n, name in enumerate(names)
    )
    finite = all(math.isfinite(one.error) for one in coefficients)
    flat = [name for name, value in variances.items() if value < NEGLIGIBLE * total]
    note = ""
    if not fit.converged:
        note = "the fit did not converge, so that none of its figures can be relied on"
    elif not finite:
        note = f"the standard errors could not be found ({warned or 'no reason given'})"
    elif flat:
        note = f"the intercepts of {' and '.join(flat)} do not vary beyond chance"
    joint = {name: _joint(fit, names, name) for name in columns if isinstance(columns[name][0], str)}
    shares = {name: value / total for name, value in variances.items()}
    converged = bool(fit.converged) and finite
    return MixedFit(coefficients, joint, len(outcome), variances, residual, shares, converged, note)


def _fitted(outcome: Sequence[float], design: "NDArray[np.float64]", groups: Mapping[str, Sequence[str]]) -> Any:
    """Return statsmodels' fit, with one block of indicators for each grouping, and the last warning that it gave."""
    import numpy as np
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    indicators = {name: _indicators(levels) for name, levels in groups.items()}
    components = VCSpec(
        [*groups],
        [[[f"{name}[{n}]" for n in range(matrix.shape[1])]] for name, matrix in indicators.items()],
        [[matrix] for matrix in indicators.values()],
    )
    # all rows are one group, within which the intercepts of raters and items cross
    model: Any = MixedLM(np.asarray(outcome, float), design, np.zeros(len(outcome)), exog_vc=components)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # methods by gradient stop far from the maximum, and call that convergence, where intercepts do not vary
        fit = model.fit(reml=True, method=["powell", "nm"])
    return fit, str(caught[-1].message) if caught else ""


def _joint(fit: Any, names: Sequence[str], predictor: str) -> JointTest:
    """Return Wald's test of all indicators of a predictor of names."""
    import numpy as np
    from scipy.special import chdtrc

    places = [n for n, name in enumerate(names) if name.startswith(f"{predictor}: ")]
    estimates = np.asarray(fit.params)[places]
    covariance = np.asarray(fit.cov_params())[np.ix_(places, places)]
    statistic = float(estimates @ np.linalg.solve(covariance, estimates))
    return JointTest(statistic, len(places), float(chdtrc(len(places), statistic)))


def _indicators(levels: Sequence[str]) -> "NDArray[np.float64]":
    import numpy as np

    names = sorted(set(levels))
    return np.array([[float(level == name) for name in names] for level in levels])
