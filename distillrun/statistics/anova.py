"""Analysis of variance of type II: differences between the means of a factor's levels against the spread in cells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Effect:
    """A main effect (one factor) or an interaction (two).

    `f`, `p` and `generalised_eta_squared` are nan where no value differs from what the model expects.
    """

    factors: tuple[str, ...]
    sum_of_squares: float
    df: int
    f: float
    p: float
    generalised_eta_squared: float


@dataclass(frozen=True, slots=True)
class Anova:
    """The effects, main ones first, and what no effect explains.

    `order` is the most factors whose interaction is an effect of its own; those of more are part of the residual.
    """

    effects: tuple[Effect, ...]
    residual_sum_of_squares: float
    residual_df: int
    order: int


def anova(values: Sequence[float], factors: Sequence[str], levels: Sequence[Sequence[str]]) -> Anova:
    """Return the analysis of variance with all main effects and, where the data allow them, all interactions of two.

    An effect's sum of squares is what it explains beyond all effects that do not contain it (type II), so that cells
    may be of unequal size; a cell may be empty. Where interactions would leave nothing to measure the spread by (one
    value in each cell), they are left out. Every factor is between runs and was set by the experimenter, so that
    generalised eta squared is SS / (SS + SS of the residual).

    Args:
        values: one for each run.
        factors: their names.
        levels: of each run, its level of each factor.

    Raises:
        ValueError: a factor has one level only, or the main effects leave no degree of freedom.

    Source: type II as R's `car::Anova`; eta: Olejnik and Algina 2003, https://doi.org/10.1037/1082-989X.8.4.434.
    """
    import numpy as np

    if len(values) != len(levels):
        raise ValueError(f"{len(values)} values, but levels of {len(levels)} runs")
    codes = []
    for place, factor in enumerate(factors):
        own = [row[place] for row in levels]
        if len(set(own)) < 2:
            raise ValueError(f"factor {factor} has one level only ({own[0] if own else 'no run'}): nothing to compare")
        codes.append(_indicators(own))
    outcome = np.asarray(values, dtype=float)
    main: list[tuple[int, ...]] = [(place,) for place in range(len(factors))]
    terms = [*main, *combinations(range(len(factors)), 2)]
    residual, residual_df = _residual(outcome, codes, terms)
    if residual_df < 1:
        terms = main
        residual, residual_df = _residual(outcome, codes, terms)
    if residual_df < 1:
        raise ValueError(f"{len(values)} runs are too few for {', '.join(factors)}: no two runs share their levels")
    effects = []
    for term in terms:
        marginal = [other for other in terms if not set(term) <= set(other)]
        without, df_without = _residual(outcome, codes, marginal)
        within, df_within = _residual(outcome, codes, [*marginal, term])
        explained = max(0.0, without - within)
        effects.append(
            _effect(tuple(factors[p] for p in term), explained, df_without - df_within, residual, residual_df)
        )
    return Anova(tuple(effects), residual, residual_df, max(map(len, terms)))


def _effect(factors: tuple[str, ...], explained: float, df: int, residual: float, residual_df: int) -> Effect:
    if df < 1 or residual <= 0:
        return Effect(factors, explained, df, math.nan, math.nan, math.nan)
    from scipy.special import fdtrc

    f = (explained / df) / (residual / residual_df)
    return Effect(factors, explained, df, f, float(fdtrc(df, residual_df, f)), explained / (explained + residual))


def _indicators(own: Sequence[str]) -> "NDArray[np.float64]":
    """Return one column for each level but the first, 1 where a run has it, [n, levels - 1]."""
    import numpy as np

    names = list(dict.fromkeys(own))
    return np.array([[float(level == name) for name in names[1:]] for level in own])


def _residual(
    outcome: "NDArray[np.float64]",
    codes: "Sequence[NDArray[np.float64]]",
    terms: Sequence[tuple[int, ...]],
) -> tuple[float, int]:
    """Return the residual sum of squares of a linear model, and its degrees of freedom."""
    import numpy as np

    columns = [np.ones(len(outcome))]
    for term in terms:
        parts = [codes[place].T for place in term]
        columns += [np.prod(chosen, axis=0) for chosen in product(*parts)]
    design = np.stack(columns, axis=1)
    solution, _, rank, _ = np.linalg.lstsq(design, outcome, rcond=None)
    left = outcome - design @ solution
    # what rounding leaves of an exact fit is not spread
    noise = len(outcome) * (np.finfo(float).eps * float(np.abs(outcome).max())) ** 2 * 100
    total = float(left @ left)
    return (0.0 if total <= noise else total), len(outcome) - int(rank)
