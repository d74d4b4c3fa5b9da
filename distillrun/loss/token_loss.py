"""Losses per target token, over the logits of a few learnt positions at a time: those of a whole batch are never made.

Labels are [N, T]; P of the positions are learnt. What stands elsewhere, even NaN, reaches neither value nor gradient,
and costs no compute.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from distillrun.loss.logits import Logits
from distillrun.loss.tensors import IGNORE, TeacherRows

PositionCost = Callable[[Tensor, int, int], Tensor]
"""(logits [P', V] of the learnt positions begin..end, begin, end) -> what each costs, [P']."""

TokenLoss = Callable[[Tensor], PositionCost]
"""labels [N, T] -> the cost of their learnt positions, which are counted row by row."""


def token_nll(labels: Tensor) -> PositionCost:
    """Return the cost that is the negative log-likelihood of each label, in nats."""
    return by_label(labels, lambda logits, own: F.cross_entropy(logits, own, reduction="none"))


def by_label(labels: Tensor, cost: Callable[[Tensor, Tensor], Tensor]) -> PositionCost:
    """Return the cost of positions that depends on their own logits and label alone.

    Args:
        labels: [N, T], `IGNORE` where nothing is learnt.
        cost: [P'] from logits [P', V], in float32 or better, and labels [P'].
    """
    learnt = labels[labels != IGNORE]
    return lambda logits, begin, end: cost(logits, learnt[begin:end])


def learnt_places(labels: Tensor, rows: Sequence[int] | None = None) -> Tensor:
    """Return the learnt positions of labels [N, T], row by row, as indices into N * T, [P].

    Args:
        labels: `IGNORE` where nothing is learnt.
        rows: only of these rows, in ascending order; None = of all.
    """
    learnt = labels != IGNORE
    if rows is not None:
        wanted = torch.zeros(len(labels), dtype=torch.bool, device=labels.device)
        wanted[list(rows)] = True
        learnt = learnt & wanted[:, None]
    return learnt.flatten().nonzero().squeeze(1)


def by_position(labels: Tensor, values: Tensor) -> Tensor:
    """Return values [P] of the learnt positions where they stand, [N, T]; 0 elsewhere."""
    return torch.zeros(labels.shape, dtype=values.dtype, device=values.device).masked_scatter(labels != IGNORE, values)


def token_costs(logits: Logits, labels: Tensor, token_loss: TokenLoss = token_nll) -> Tensor:
    """Return what each target token costs, [N, T], with gradient; exactly 0 where the label is IGNORE.

    For losses that are no sum over positions, since the backward pass makes the logits again; see `summed_costs`.
    """
    places, cost = learnt_places(labels), token_loss(labels)

    def some(begin: int, end: int) -> Tensor:
        return cost(logits.at(places[begin:end]).to(logits.dtype), begin, end)

    return by_position(labels, in_parts(some, len(places), logits.positions_at_once()))


def in_parts(values: Callable[[int, int], Tensor], count: int, at_once: int) -> Tensor:
    """Return values(0, count), [count, ...], a few at a time; if more than once, again in the backward pass.

    Args:
        values: those from one number to another, [end - begin, ...].
        count: how many there are.
        at_once: how many are computed together.
    """
    if count <= at_once:
        return values(0, count)
    begins = range(0, count, at_once)
    found = [checkpoint(values, begin, min(begin + at_once, count), use_reentrant=False) for begin in begins]
    return torch.cat(found)


class _Buckets(torch.autograd.Function):
    """Some logits of each position by id, and the log-sum-exp of all others, with one pass for the gradient of both."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        others = logits.scatter(-1, ids, -torch.inf)
        rest = others.logsumexp(dim=-1)
        ctx.save_for_backward(others, ids, labels, rest)
        return logits.gather(-1, ids), rest, logits.gather(-1, labels[:, None]).squeeze(1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, kept: Tensor, rest: Tensor, labelled: Tensor) -> tuple[Tensor, None, None]:
        others, ids, labels, total = ctx.saved_tensors
        gradient = (others - total[:, None]).exp_().mul_(rest[:, None])
        return gradient.scatter_(-1, ids, kept).scatter_add_(-1, labels[:, None], labelled[:, None]), None, None


def side_by_side(logits: Tensor, labels: Tensor, teacher: TeacherRows) -> tuple[Tensor, Tensor, Tensor]:
    """Return (log_p, log_q, label_log_q): teacher and student over the same ids, and the student's labels.

    Args:
        logits: [P, V] of the student over the ids that the two share, temperature applied.
        labels: [P].
        teacher: of the same positions. Where it keeps K < V ids, all others become one bucket, the last: nothing is
            renormalised.

    Returns:
        [P, B], [P, B] and [P], normalised, in nats.
    """
    if teacher.ids is None or teacher.rest is None:
        log_q = logits.log_softmax(dim=-1)
        return teacher.log_probs, log_q, log_q.gather(-1, labels[:, None]).squeeze(1)
    kept, rest, labelled = _Buckets.apply(logits, teacher.ids.long(), labels)  # type: ignore[no-untyped-call]
    buckets = torch.cat([kept, rest[:, None]], dim=-1)
    log_p = torch.cat([teacher.log_probs, teacher.rest[:, None].to(teacher.log_probs.dtype)], dim=-1)
    total = buckets.logsumexp(dim=-1)
    return log_p, buckets - total[:, None], labelled - total
