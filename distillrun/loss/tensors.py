"""The tensors that pass between a language model and an objective.

Letters in shapes: N pairs, T target tokens, S source tokens, V vocabulary, P positions, K kept teacher ids, D width of
a hidden state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from distillrun.loss.logits import Logits

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
        ends: of each row, the characters of the target up to the end of each token, EOS one further; see `Target`.
        real_tokens, padded_tokens: source + target tokens without and with padding.
    """

    inputs: Mapping[str, Tensor]
    labels: Tensor
    views: tuple[str, ...]
    rows: tuple[int, ...]
    ends: tuple[tuple[int, ...], ...]
    real_tokens: int
    padded_tokens: int


@dataclass(frozen=True, slots=True)
class TeacherRows:
    """A teacher's next-token distributions at some learnt positions.

    Attributes:
        ids: [P, K] the kept ids; None: all ids in their order, K = V.
        log_probs: [P, K] in nats, float32 or better, at the temperature that was asked for.
        rest: [P] log of the mass on all other ids together; None where there are none.
    """

    ids: Tensor | None
    log_probs: Tensor
    rest: Tensor | None


class TeacherDistribution(Protocol):
    """A teacher's next-token distributions at learnt positions of a batch, of all of its rows or of some."""

    @property
    def vocabulary(self) -> int:
        """V: how many ids teacher and student share."""

    @property
    def places(self) -> Tensor:
        """[P] the positions, as indices into N * T, row by row."""

    def rows(self, index: Tensor) -> TeacherRows:
        """Return those of some of the positions, [P'] indices into `places`."""


@dataclass(frozen=True, slots=True)
class StudentOutputs:
    """The result of a forward pass: `logits[n, t]` predicts `labels[n, t]`, whatever the architecture.

    Attributes:
        logits: [N, T, V], made where they are asked for.
        labels: [N, T], `IGNORE` where nothing is learnt.
        views, rows, ends: as in `EncodedBatch`.
        hidden: [N, T, D] behind the embeddings and behind each layer, where they were asked for; the last is what the
            head reads.
        teacher: what the teacher expects, where the objective asked for it.
        teacher_outputs: the teacher's own outputs for the same pairs, where it is in memory; its tokens may be others.
    """

    logits: Logits
    labels: Tensor
    views: tuple[str, ...]
    rows: tuple[int, ...]
    ends: tuple[tuple[int, ...], ...] = ()
    hidden: tuple[Tensor, ...] = ()
    teacher: TeacherDistribution | None = None
    teacher_outputs: "StudentOutputs | None" = None

    def no_loss(self) -> "Loss":
        """Return the loss of rows that teach nothing."""
        return Loss(self.labels.new_zeros((), dtype=self.logits.dtype), {})


@dataclass(frozen=True, slots=True)
class Count:
    """The learnt tokens and pairs of one view in the whole optimizer step."""

    tokens: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Loss:
    """A scalar to differentiate, and its named parts (detached) for the tracker."""

    total: Tensor
    parts: Mapping[str, Tensor]
