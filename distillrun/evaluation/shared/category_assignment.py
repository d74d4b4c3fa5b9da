"""The best assignment of questions to categories that keeps every category near its quota."""

from collections.abc import Sequence
from math import ceil, floor

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from distillrun.errors import ConfigError


def assigned(affinities: Sequence[Sequence[float]], per_question: int, slack: float) -> list[tuple[int, ...]]:
    """Return the categories of each question: the integer program that maximises the summed affinity.

    Each question gets exactly `per_question` categories. A category's quota is its share of all affinities; it gets
    between (1 - slack) and (1 + slack) times that many questions, rounded outwards, so that no category takes all.

    Args:
        affinities: [questions][categories], each 0 or more.
        per_question: how many categories a question has.
        slack: a share of the quota, 0 or more; 1 or more sets no lower bound.

    Raises:
        ConfigError: there are fewer categories than a question must have.

    Source: QualEval, Murahari et al. 2023, https://arxiv.org/abs/2311.02807, section 3.2; there, a question may
    also have fewer categories, so that some have none.
    """
    scores = np.asarray(affinities, dtype=float)
    questions, categories = scores.shape
    if per_question > categories:
        raise ConfigError(f"per_question={per_question} is more than the {categories} categories; choose fewer")
    total = scores.sum(axis=0)
    quotas = total / total.sum() * questions * per_question if total.sum() else np.full(categories, np.inf)
    low = [max(0, floor(quota * (1 - slack))) if np.isfinite(quota) else 0 for quota in quotas]
    high = [min(questions, ceil(quota * (1 + slack))) if np.isfinite(quota) else questions for quota in quotas]
    rows = sparse.kron(sparse.eye(questions), np.ones((1, categories)))
    columns = sparse.kron(np.ones((1, questions)), sparse.eye(categories))
    found = milp(
        -scores.ravel(),
        integrality=np.ones(scores.size),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(rows, per_question, per_question), LinearConstraint(columns, low, high)],
    )
    if found.x is None:
        raise ConfigError(f"no assignment keeps the categories near their quotas ({found.message}); choose more slack")
    chosen = found.x.reshape(scores.shape) > 0.5
    return [tuple(int(place) for place in np.flatnonzero(row)) for row in chosen]
