"""The loss of every objective that compares next-token distributions: cross-entropy and a divergence, by view."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from distillrun.loss.summed_costs import summed_costs
from distillrun.loss.tensors import IGNORE, Count, Loss, StudentOutputs
from distillrun.loss.token_loss import TokenLoss, side_by_side, token_nll

Divergence = Callable[[Tensor, Tensor], Tensor]
"""(log_p of the teacher, log_q of the student), [P, B] -> [P]."""


@dataclass(frozen=True, slots=True)
class ViewWeight:
    """The weights of a view: of its tokens' mean cross-entropy, and of their mean divergence."""

    cross_entropy: float
    divergence: float


def distilled_views(
    outputs: StudentOutputs,
    counts: Mapping[str, Count],
    weights: Mapping[str, ViewWeight],
    temperature: float,
    divergence: Divergence,
    token_loss: TokenLoss = token_nll,
) -> Loss:
    """Return sum over views of cross_entropy x mean label cost + divergence x mean divergence, per token over the step.

    Args:
        outputs: with the teacher's distributions.
        counts: of the whole step, as in `StudentObjective.loss`.
        weights: of the views.
        temperature: of the student's logits in the divergence; the cross-entropy knows none.
        divergence: of some positions.
        token_loss: what labels cost; their negative log-likelihood is the cross-entropy.
    """
    teacher = outputs.teacher
    views = [weights.get(view) for view in outputs.views]
    if teacher is None or not any(views):
        return outputs.no_loss()
    width = outputs.labels.shape[1]
    row_of = teacher.places // width
    device = row_of.device
    shares = [[0.0, 0.0] for _ in views]
    for row, (view, weight) in enumerate(zip(outputs.views, views, strict=True)):
        if weight is not None:
            tokens = counts[view].tokens
            shares[row] = [weight.cross_entropy / tokens, weight.divergence / tokens]
    share = torch.tensor(shares, dtype=torch.float64, device=device)[row_of]
    chosen = share.any(dim=1).nonzero().squeeze(1)
    share, places = share[chosen].to(outputs.logits.dtype), teacher.places[chosen]
    labels = outputs.labels.flatten()[places]
    with_labels = any(weight.cross_entropy > 0 for weight in weights.values())
    learnt = torch.full_like(outputs.labels, IGNORE).flatten()
    learnt[places] = labels
    label_cost = token_loss(learnt.view_as(outputs.labels))
    is_plain = token_loss is token_nll and temperature == 1 and teacher.vocabulary >= outputs.logits.width

    def costs(logits: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
        own = labels[begin:end]
        shared = logits[:, : teacher.vocabulary]
        log_p, log_q, label_log_q = side_by_side(
            shared if temperature == 1 else shared / temperature, own, teacher.rows(chosen[begin:end])
        )
        if is_plain:
            labelled = -label_log_q
        else:
            labelled = label_cost(logits, begin, end) if with_labels else torch.zeros_like(label_log_q)
        both = torch.stack([labelled, divergence(log_p.to(log_q.dtype), log_q)], dim=1)
        return (share[begin:end] * both).sum(dim=1), both

    total, both = summed_costs(outputs.logits, places, 2, costs)
    parts: dict[str, Tensor] = {}
    for view in weights.keys() & set(outputs.views):
        rows = torch.tensor([name == view for name in outputs.views], device=device)[row_of[chosen]]
        labelled, distance = (both[rows].sum(dim=0) / counts[view].tokens).unbind()
        parts |= {f"{view}/divergence": distance}
        if with_labels:
            parts[view] = labelled
    return Loss(total, parts)
