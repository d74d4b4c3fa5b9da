"""The tensors that pass between a language model and an objective.

Letters in shapes: N pairs, T target tokens, S source tokens, V vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

IGNORE = -100
"""The label of a position that counts in no loss: padding, or target text that is read but not learnt."""


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """A micro-batch, ready for the model.

    Attributes:
        inputs: what the module's forward takes, by argument name.
        labels: [N, T] token ids, `IGNORE` where nothing is learnt.
        views: the view of each row.
        rows: the position of each row's example in the step, so that rows of one example can be found.
        real_tokens, padded_tokens: source + target tokens without and with padding.
    """

    inputs: Mapping[str, Tensor]
    labels: Tensor
    views: tuple[str, ...]
    rows: tuple[int, ...]
    real_tokens: int
    padded_tokens: int


@dataclass(frozen=True, slots=True)
class StudentOutputs:
    """What a forward pass gives an objective: `logits[n, t]` predicts `labels[n, t]`, whatever the architecture.

    Attributes:
        logits: [N, T, V].
        labels: [N, T], `IGNORE` where nothing is learnt.
        views, rows: as in `EncodedBatch`.
    """

    logits: Tensor
    labels: Tensor
    views: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many learnt tokens and pairs of one view are in the whole optimizer step."""

    tokens: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Loss:
    """A scalar to differentiate, and its named parts (detached) for the tracker."""

    total: Tensor
    parts: Mapping[str, Tensor]
