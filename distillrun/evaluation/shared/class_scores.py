"""Precision, recall and F1 of each class, and their means. A class is what an answer reads; pure functions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNPARSED = -1
"""The place of an answer that names no class."""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """What a class scores. `support` counts the texts whose right class it is, `predicted` the answers that name it."""

    place: int
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


def class_scores(right: "NDArray[np.int64]", said: "NDArray[np.int64]", classes: int) -> list[ClassScore]:
    """Return the scores of every class that is right or answered somewhere; what is 0 / 0 counts as 0."""
    import numpy as np

    hits = np.bincount(right[right == said], minlength=classes)
    support, predicted = np.bincount(right, minlength=classes), np.bincount(said[said >= 0], minlength=classes)
    return [
        ClassScore(
            place,
            float(hits[place] / predicted[place]) if predicted[place] else 0.0,
            float(hits[place] / support[place]) if support[place] else 0.0,
            float(2 * hits[place] / (support[place] + predicted[place])),
            int(support[place]),
            int(predicted[place]),
        )
        for place in range(classes)
        if support[place] + predicted[place]
    ]


def macro_f1(right: "NDArray[np.int64]", said: "NDArray[np.int64]", classes: int) -> float:
    """Return the mean F1 over the classes that are right or answered somewhere, as scikit-learn's `macro` average."""
    import numpy as np

    hits = np.bincount(right[right == said], minlength=classes)
    seen = np.bincount(right, minlength=classes) + np.bincount(said[said >= 0], minlength=classes)
    known = seen > 0
    return float((2 * hits[known] / seen[known]).mean())


def confused_pairs(right: Sequence[int], said: Sequence[int], most: int) -> list[tuple[int, int, int]]:
    """Return (right class, answered class, count) of the most frequent mistakes, ties in the order of the classes."""
    wrong = Counter((a, b) for a, b in zip(right, said, strict=True) if a != b)
    ordered = sorted(wrong.items(), key=lambda one: (-one[1], one[0]))
    return [(a, b, count) for (a, b), count in ordered[:most]]
