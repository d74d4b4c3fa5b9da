"""Scores of sets of labels: pure functions of matrices [N, L] of what is right and what is said."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]


def flags_of(sets: Sequence[Sequence[int]], labels: int) -> "Flags":
    """Return [N, L] whether each label is in each set."""
    import numpy as np

    flags = np.zeros((len(sets), labels), dtype=bool)
    for row, own in zip(flags, sets, strict=True):
        row[list(own)] = True
    return flags


def f1_of_rows(right: "Flags", said: "Flags") -> "NDArray[np.float64]":
    """Return the F1 of each text's set, [N]; where it is right that there is no label, it is 1."""
    import numpy as np

    hits, total = (right & said).sum(axis=1), right.sum(axis=1) + said.sum(axis=1)
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), 1.0)


def micro_f1(right: "Flags", said: "Flags") -> float:
    """Return the F1 over all pairs of a text and a label; 1 where no label is right and none is said."""
    total = int(right.sum() + said.sum())
    return 2 * int((right & said).sum()) / total if total else 1.0


def label_macro_f1(right: "Flags", said: "Flags") -> float:
    """Return the mean F1 over the labels that are right or said somewhere; 1 where there is none."""
    total = right.sum(axis=0) + said.sum(axis=0)
    known = total > 0
    return float((2 * (right & said).sum(axis=0)[known] / total[known]).mean()) if known.any() else 1.0


def best_threshold(scores: "NDArray[np.float64]", right: "Flags", usual: float = 0.5) -> float:
    """Return the threshold from which on a label is said so that its F1 on these texts is the greatest.

    It lies halfway between two scores; of equals the nearest to the usual one counts, which it also is for a label that
    no text has: nothing can be fitted then.

    Args:
        scores: of one label, [N], between 0 and 1.
        right: whether each text has it, [N].
        usual: the threshold that a probability has by itself.

    Source: Yang 2001, https://doi.org/10.1145/383952.383975 (SCut).
    """
    import numpy as np

    if not right.any():
        return usual
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(right[order])
    ends = np.append(ordered[1:] < ordered[:-1], True)  # a threshold lies between different scores
    said = np.arange(1, len(ordered) + 1)
    f1 = 2 * hits / (said + right.sum())
    below = np.append(ordered[1:], 0.0)
    middles = np.where(ordered == below, ordered, (ordered + below) / 2)
    best = f1[ends].max()
    found = middles[ends & (f1 >= best - 1e-12)]
    return float(found[np.argmin(np.abs(found - usual))])
