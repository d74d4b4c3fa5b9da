"""The restricted likelihood of a linear model with random intercepts, as R's lme4 has it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STARTS = (1.0, 0.2)
"""Where the search for the maximum begins: standard deviations of intercepts, in residual ones."""

STEP = 0.005
"""Of numerical derivatives, as a share of what is varied, or of a fifth where that is less."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The best fixed effects at given standard deviations of the intercepts.

    Attributes:
        estimates: [coefficients].
        covariance: of the estimates, for a residual variance of 1, [coefficients, coefficients].
        squares: of what is left, those of the intercepts among them.
        log_determinants: of intercepts and coefficients, summed.
    """

    estimates: "NDArray[np.float64]"
    covariance: "NDArray[np.float64]"
    squares: float
    log_determinants: float


class Likelihood:
    """Minus twice the restricted log-likelihood of standard deviations: of each grouping's intercepts, in residual
    ones, and of the residual.

    Args:
        outcome: [n].
        design: [n, coefficients].
        groups: of each grouping, the level of each observation.

    Attributes:
        groups: how many groupings.
        df: observations less coefficients.
        scale: what standard deviations of the residual are multiplied by to be those of the outcome: inside, the design
            is orthonormal and the outcome what the design leaves, so that neither offsets nor units cost digits.

    Source: Bates, Maechler, Bolker and Walker 2015, https://doi.org/10.18637/jss.v067.i01, section 3.4; the intercepts
    of the largest grouping, which do not overlap, are taken out first.
    """

    def __init__(
        self, outcome: Sequence[float], design: "NDArray[np.float64]", groups: Sequence[Sequence[str]]
    ) -> None:
        import numpy as np

        self.groups = len(groups)
        self.df: int = design.shape[0] - design.shape[1]
        self._order = sorted(range(len(groups)), key=lambda place: -len(set(groups[place])))
        largest, *others = [_indicators(groups[place]) for place in self._order]
        self._sizes = [own.shape[1] for own in others]
        remaining = np.concatenate([*others, np.zeros((len(outcome), 0))], axis=1)
        basis, self._back = np.linalg.qr(design)
        values = np.asarray(outcome, float)
        self._start = basis.T @ values
        left = values - basis @ self._start
        self.scale = math.sqrt(float(left @ left) / self.df)
        known = np.column_stack([basis, left / self.scale])
        self._counts, self._shared, self._rest = (
            largest.sum(axis=0)[:, None],
            largest.T @ remaining,
            remaining.T @ remaining,
        )
        self._first, self._others, self._known = largest.T @ known, remaining.T @ known, known.T @ known

    def solution(self, deviations: Sequence[float]) -> Solution:
        """Return what is best at these standard deviations of intercepts."""
        import numpy as np

        own, *others = [deviations[place] for place in self._order]
        scale = np.repeat(np.asarray(others, float), self._sizes)
        diagonal, shared = 1 + own**2 * self._counts, own * self._shared * scale
        rest = np.eye(len(scale)) + scale[:, None] * self._rest * scale - shared.T @ (shared / diagonal)
        first = own * self._first
        lower = scale[:, None] * self._others - shared.T @ (first / diagonal)
        left = self._known - first.T @ (first / diagonal) - lower.T @ np.linalg.solve(rest, lower)
        weights, toward = left[:-1, :-1], left[:-1, -1]
        found, back = np.linalg.solve(weights, toward), np.linalg.inv(self._back)
        logs = float(np.log(diagonal).sum()) + sum(float(np.linalg.slogdet(own)[1]) for own in (rest, weights))
        return Solution(
            back @ (self._start + self.scale * found),
            self.scale**2 * back @ np.linalg.inv(weights) @ back.T,
            float(left[-1, -1] - toward @ found),
            logs,
        )

    def value(self, deviations: Sequence[float]) -> float:
        """Return it at standard deviations of all intercepts and, last, of the residual."""
        *own, residual = deviations
        found = self.solution(own)
        variance = float(residual) ** 2
        return found.log_determinants + self.df * math.log(2 * math.pi * variance) + found.squares / variance

    def best(self) -> tuple[list[float], bool]:
        """Return the standard deviations at which it is least, the residual's last, and whether that was found."""
        from scipy.optimize import minimize

        def profiled(own: Sequence[float]) -> float:
            return self.value([*own, self._residual(own)])

        options = {"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000, "maxfev": 4000}
        bounds = [(0.0, None)] * self.groups
        # a search by gradients stays where intercepts do not vary: there, the slope is nought
        found: list[Any] = [
            minimize(profiled, [start] * self.groups, method="Nelder-Mead", bounds=bounds, options=options)
            for start in STARTS
        ]
        chosen = min(found, key=lambda one: float(one.fun))
        own = [float(one) for one in chosen.x]
        return [*own, self._residual(own)], bool(chosen.success)

    def _residual(self, own: Sequence[float]) -> float:
        return math.sqrt(self.solution(own).squares / self.df)


def slopes(function: "Callable[[Sequence[float]], NDArray[np.float64]]", at: Sequence[float]) -> "NDArray[np.float64]":
    """Return the derivative of a function by each of its numbers, [numbers, …], from values next to it."""
    import numpy as np

    found = []
    for place, value in enumerate(at):
        step = STEP * max(abs(value), 0.2)
        near = [np.asarray(function([*at[:place], value + times * step, *at[place + 1 :]])) for times in (-2, -1, 1, 2)]
        found.append((near[0] - 8 * near[1] + 8 * near[2] - near[3]) / (12 * step))
    return np.stack(found)


def _indicators(levels: Sequence[str]) -> "NDArray[np.float64]":
    import numpy as np

    names = np.unique(levels)
    found: NDArray[np.float64] = np.equal(np.asarray(levels)[:, None], names).astype(np.float64)
    return found
