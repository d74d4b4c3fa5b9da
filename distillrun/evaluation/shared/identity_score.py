"""Rates at which a model contradicts the facts about itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distillrun.evaluation.shared.share import share
from distillrun.records import Score
from distillrun.statistics.interval import wilson
from distillrun.statistics.resampling import percentile_interval


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The judgements of one answer: it contradicts the facts, it claims to be another model; None = not judged."""

    contradiction: bool | None
    claim: bool | None


def identity_scores(name: str, verdicts: Sequence[Sequence[Verdicts]]) -> list[Score]:
    """Return the loose and the strict share of a model, and the share of answers without a judgement.

    An answer without a judgement is left out of the rate that needs it.

    Args:
        name: of the model.
        verdicts: of each prompt, of each answer to it; the interval draws prompts, since their answers are correlated.
            A share of 0 or 1 has the Wilson interval of so many prompts.
    """
    scores = [
        *_shares(f"identity/{name}/loose", [[one.contradiction for one in own] for own in verdicts]),
        *_shares(f"identity/{name}/strict", [[one.claim for one in own] for own in verdicts]),
    ]
    absent = [one.contradiction is None or one.claim is None for own in verdicts for one in own]
    return [*scores, *([share(f"identity/{name}/unjudged", absent)] if absent else [])]


def _shares(name: str, flags: Sequence[Sequence[bool | None]]) -> list[Score]:
    """Return the share of the flags that are known, [prompts][answers]; nothing where none is."""
    known = [[flag for flag in own if flag is not None] for own in flags]
    hits, counts = np.array([sum(own) for own in known]), np.array([len(own) for own in known])
    if not counts.sum():
        return []

    def of(prompts: NDArray[np.intp]) -> float:
        total = counts[prompts].sum()
        return float(hits[prompts].sum() / total) if total else float("nan")

    value, n = float(hits.sum() / counts.sum()), int(counts.sum())
    if value in (0, 1):  # no draw differs, which is not certainty
        prompts = int((counts > 0).sum())
        low, high = wilson(prompts if value else 0, prompts)
    else:
        low, high = percentile_interval(len(hits), of)
    return [Score(name, value, n, low, high, "share")]
