"""Losses per target token, computed a few positions at a time: no second copy of the logits is ever made.

Logits are [N, T, V] and labels [N, T]; P of the positions are learnt. What stands elsewhere, even NaN, reaches neither
value nor gradient, and padding costs no compute.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from distillrun.loss.tensors import IGNORE, TeacherRows

CHUNK_NUMBERS = 1_000_000
"""Logits that are worked on at once: some of them fit a cache, and their temporaries are small against the whole."""

TokenLoss = Callable[[Tensor, Tensor], Tensor]
"""(logits [N, T, V], labels [N, T]) -> what each target token costs, [N, T]; exactly 0 where the label is IGNORE."""

LossOf = Callable[[Tensor, int, int], tuple[Tensor, Tensor]]
"""(logits [P', V] of the learnt positions begin..end, begin, end) -> what each costs [P'], its parts [P', parts]."""


def token_nll(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the negative log-likelihood of each label in nats, [N, T]; exactly 0 where the label is IGNORE.

    Computed in fp32 or better.
    """
    return at_learnt(logits, labels, lambda kept, own: F.cross_entropy(kept, own, reduction="none"))


def at_learnt(logits: Tensor, labels: Tensor, cost: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return a cost of each learnt position, [N, T]; exactly 0 where the label is IGNORE.

    Args:
        logits: [N, T, V].
        labels: [N, T].
        cost: of the learnt positions, row by row: [P] from logits [P, V] in fp32 or better and labels [P].
    """
    learnt = labels != IGNORE
    kept = logits[learnt]
    if kept.dtype in (torch.bfloat16, torch.float16):
        kept = kept.float()
    found = cost(kept, labels[learnt])
    return torch.zeros(labels.shape, dtype=found.dtype, device=found.device).masked_scatter(learnt, found)


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


def position_losses(logits: Tensor, places: Tensor, parts: int, loss_of: LossOf) -> tuple[Tensor, Tensor]:
    """Return what each learnt position costs, [P], and its parts without gradient, [P, parts].

    Values and gradients of a few positions are computed together, in fp32 or better, and their temporaries dropped: the
    only tensor as large as the logits is their gradient.

    Args:
        logits: [N, T, V].
        places: [P] as `learnt_places` gives them.
        parts: how many parts there are.
        loss_of: the costs of some positions; position p's depend on its own logits alone.
    """
    costs: tuple[Tensor, Tensor] = _PositionLosses.apply(logits, places, parts, loss_of)  # type: ignore[no-untyped-call]
    return costs


class _PositionLosses(torch.autograd.Function):
    """The cost of positions; its gradient is computed with its value, and scaled in the backward pass."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, places: Tensor, parts: int, loss_of: LossOf) -> tuple[Tensor, Tensor]:
        flat = logits.detach().reshape(-1, logits.shape[-1])
        dtype = torch.promote_types(logits.dtype, torch.float32)
        wanted = ctx.needs_input_grad[0]
        costs = flat.new_empty(len(places), dtype=dtype)
        shares = flat.new_empty((len(places), parts), dtype=dtype)
        gradient = torch.zeros_like(flat) if wanted else None
        step = max(1, CHUNK_NUMBERS // flat.shape[1])
        for begin in range(0, len(places), step):
            end = min(begin + step, len(places))
            chunk = flat[places[begin:end]].to(dtype)
            with torch.set_grad_enabled(wanted):
                chunk.requires_grad_(wanted)
                cost, share = loss_of(chunk, begin, end)
                if gradient is not None:
                    (own,) = torch.autograd.grad(cost.sum(), chunk)
                    gradient[places[begin:end]] = own.to(gradient.dtype)
            costs[begin:end], shares[begin:end] = cost.detach(), share.detach()
        ctx.places, ctx.gradient, ctx.shape = places, gradient, logits.shape
        ctx.mark_non_differentiable(shares)
        return costs, shares

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, costs: Tensor, shares: Tensor) -> tuple[Tensor, None, None, None]:
        if ctx.gradient is None:
            raise RuntimeError("the gradient of position_losses was taken already and is gone; compute the loss again")
        gradient, ctx.gradient = ctx.gradient, None
        scale = costs.new_zeros(len(gradient)).index_put((ctx.places,), costs)
        return gradient.mul_(scale[:, None].to(gradient.dtype)).view(ctx.shape), None, None, None


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
