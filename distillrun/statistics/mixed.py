"""Linear mixed models of repeated measurements: with intercepts for raters and items."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distillrun.statistics.linear import Coefficient, Columns, check_spread, design_matrix
from distillrun.statistics.reml import Likelihood, slopes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEGLIGIBLE = 1e-6
"""The share of all variance below which intercepts count as equal."""


@dataclass(frozen=True, slots=True)
class JointTest:
    """Wald's test that all levels of a predictor are equal; F with `df` and `residual_df` degrees of freedom."""

    statistic: float
    df: int
    residual_df: float
    p: float


@dataclass(frozen=True, slots=True)
class MixedFit:
    """A fit with random intercepts.

    Attributes:
        coefficients: of the fixed effects; t with Satterthwaite's degrees of freedom.
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
    """Return a fit with a random intercept for each level of each grouping, which may cross (REML), R's `lmer`.

    Ratings of one rater, or of one item, are correlated; a model that takes them as independent finds too many effects.
    Degrees of freedom are Satterthwaite's, as in R's lmerTest: with few raters, there are few.

    Args:
        outcome, columns, references: as in `linear_model`.
        groups: such as rater and item; one whose levels occur once each is left out, since it is not separable from the
            residual.

    Raises:
        ValueError: as `linear_model`, or no grouping is left.

    Source: Baayen, Davidson and Bates 2008, https://doi.org/10.1016/j.jml.2007.12.005 (crossed intercepts); Kuznetsova,
    Brockhoff and Christensen 2017, https://doi.org/10.18637/jss.v082.i13 (degrees of freedom).
    """
    names, design = design_matrix(len(outcome), columns, references or {})
    check_spread(outcome, design)
    kept = {name: levels for name, levels in groups.items() if 1 < len(set(levels)) < len(levels)}
    if not kept:
        raise ValueError(f"no level of {' or '.join(groups)} occurs twice, so no effect can be told from chance")
    likelihood = Likelihood(outcome, design, [*kept.values()])
    (*deviations, residual), found = likelihood.best()
    fixed = _Fixed(likelihood, [*deviations, residual])
    sigma = residual * likelihood.scale
    variances = {name: (value * sigma) ** 2 for name, value in zip(kept, deviations, strict=True)}
    total = sigma**2 + sum(variances.values())
    coefficients = tuple(fixed.coefficient(place, name) for place, name in enumerate(names))
    converged = found and all(math.isfinite(one.error) for one in coefficients)
    flat = [name for name, value in variances.items() if value < NEGLIGIBLE * total]
    note = ""
    if not converged:
        note = "the fit did not converge, so that none of its figures can be relied on"
    elif flat:
        note = f"the intercepts of {' and '.join(flat)} do not vary beyond chance"
    joint = {
        name: fixed.joint([place for place, one in enumerate(names) if one.startswith(f"{name}: ")])
        for name in columns
        if isinstance(columns[name][0], str)
    }
    shares = {name: value / total for name, value in variances.items()}
    return MixedFit(coefficients, joint, len(outcome), variances, sigma**2, shares, converged, note)


class _Fixed:
    """The fixed effects at the maximum of the likelihood, with Satterthwaite's degrees of freedom."""

    def __init__(self, likelihood: Likelihood, deviations: Sequence[float]) -> None:
        import numpy as np

        def covariance(at: Sequence[float]) -> "NDArray[np.float64]":
            return likelihood.solution(at[:-1]).covariance * at[-1] ** 2

        def slope(at: Sequence[float]) -> "NDArray[np.float64]":
            return slopes(lambda near: np.asarray(likelihood.value(near)), at)

        self._estimates = likelihood.solution(deviations[:-1]).estimates
        self._covariance = covariance(deviations)
        self._slopes = slopes(covariance, deviations)
        curvature = slopes(slope, deviations)
        values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
        sure = values > 1e-8  # what the likelihood says nothing of is left out, as lmerTest does
        self._uncertainty = 2 * (vectors[:, sure] / values[sure]) @ vectors[:, sure].T

    def coefficient(self, place: int, name: str) -> Coefficient:
        """Return a coefficient with its t test and interval."""
        import numpy as np
        from scipy.special import stdtr, stdtrit

        df = self._df(np.eye(len(self._estimates))[place])
        estimate, error = float(self._estimates[place]), math.sqrt(self._covariance[place, place])
        half = float(stdtrit(df, 0.975)) * error
        p = 2 * float(stdtr(df, -abs(estimate / error)))
        return Coefficient(name, estimate, error, estimate / error, df, p, estimate - half, estimate + half)

    def joint(self, places: Sequence[int]) -> JointTest:
        """Return the test that all of these coefficients are nought."""
        import numpy as np
        from scipy.special import fdtrc

        chosen = np.eye(len(self._estimates))[places]
        values, vectors = np.linalg.eigh(chosen @ self._covariance @ chosen.T)
        independent = vectors.T @ chosen
        statistic = float(((independent @ self._estimates) ** 2 / values).mean())
        df = _pooled([self._df(contrast) for contrast in independent])
        return JointTest(statistic, len(places), df, float(fdtrc(len(places), df, statistic)))

    def _df(self, contrast: "NDArray[np.float64]") -> float:
        """Return Satterthwaite's degrees of freedom of a combination of coefficients."""
        variance = float(contrast @ self._covariance @ contrast)
        slope = self._slopes @ contrast @ contrast
        return 2 * variance**2 / float(slope @ self._uncertainty @ slope)


def _pooled(dfs: Sequence[float]) -> float:
    """Return the residual degrees of freedom of F from those of its independent parts, as lmerTest does."""
    if max(dfs) - min(dfs) < 1e-8:
        return sum(dfs) / len(dfs)
    if min(dfs) <= 2:
        return 2.0
    expected = sum(df / (df - 2) for df in dfs)
    return 2 * expected / (expected - len(dfs))
