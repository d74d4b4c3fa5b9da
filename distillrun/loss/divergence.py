"""Divergences of next-token distributions: pure functions of log-probs that lie side by side.

Everywhere, `log_p` is the teacher's and `log_q` the student's, [..., B] in nats, each normalised over B: the ids of the
vocabulary, or the kept ids and one bucket for all others. What is returned is [...], in nats, at least 0, and
0 where the two are equal. Everything is computed from log-probs, so that it is finite where a probability underflows.
"""

import math
from typing import Literal

import torch
from torch import Tensor

Boundary = Literal["head", "tail"]
"""Where the token belongs at which the cumulative mass crosses the threshold."""


def forward_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return KL(teacher || student): sum of p log(p / q).

    Over buckets, it is a lower bound of the KL over all ids, exact where K = V (log-sum inequality).

    Source: Hinton et al. 2015, https://arxiv.org/abs/1503.02531, section 2, per token.
    """
    return _kl(log_p, log_q)


def reverse_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return KL(student || teacher): sum of q log(q / p).

    Source: MiniLLM, Gu et al. 2023, https://arxiv.org/abs/2306.08543, equation 1, per token.
    """
    return _kl(log_q, log_p)


def symmetric_kl(log_p: Tensor, log_q: Tensor, forward_weight: float) -> Tensor:
    """Return forward_weight * KL(teacher || student) + (1 - forward_weight) * KL(student || teacher)."""
    return forward_weight * _kl(log_p, log_q) + (1 - forward_weight) * _kl(log_q, log_p)


def jensen_shannon(log_p: Tensor, log_q: Tensor, beta: float, normalise: bool) -> Tensor:
    """Return the generalised Jensen-Shannon divergence with the mixture m = beta p + (1 - beta) q.

    beta KL(p || m) + (1 - beta) KL(q || m). It vanishes as beta goes to 0 or 1; with `normalise`, it is divided by
    beta (1 - beta), whose limits are KL(p || q) at 0 and KL(q || p) at 1.

    Args:
        log_p, log_q: see the module.
        beta: in (0, 1); with `normalise`, also 0 and 1.
        normalise: divide by beta (1 - beta).

    Source: GKD, Agarwal et al. 2023, https://arxiv.org/abs/2306.13649, equation 1.
    """
    if normalise and beta in (0, 1):
        return _kl(log_p, log_q) if beta == 0 else _kl(log_q, log_p)
    mixture = _mixture(log_p, log_q, beta)
    value = beta * _kl(log_p, mixture) + (1 - beta) * _kl(log_q, mixture)
    return value / (beta * (1 - beta)) if normalise else value


def total_variation(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return half the sum of |p - q|, at most 1."""
    return (log_p.exp() - log_q.exp()).abs().sum(dim=-1) / 2


def skew_forward_kl(log_p: Tensor, log_q: Tensor, alpha: float) -> Tensor:
    """Return KL(p || alpha p + (1 - alpha) q).

    Source: DistiLLM, Ko et al. 2024, https://arxiv.org/abs/2402.03898, equation 2.
    """
    return _kl(log_p, _mixture(log_p, log_q, alpha))


def skew_reverse_kl(log_p: Tensor, log_q: Tensor, alpha: float) -> Tensor:
    """Return KL(q || (1 - alpha) p + alpha q).

    Source: DistiLLM, https://arxiv.org/abs/2402.03898, section 3.1.
    """
    return _kl(log_q, _mixture(log_p, log_q, 1 - alpha))


def adaptive_kl(log_p: Tensor, log_q: Tensor, head_mass: float, boundary: Boundary) -> Tensor:
    """Return both KLs, weighted by how far the student is off in the teacher's head and in its tail.

    The head are the likeliest ids of the teacher up to a mass of `head_mass`. With g the sum of |p - q| over either
    part: g_head / (g_head + g_tail) KL(p || q) + g_tail / (g_head + g_tail) KL(q || p); the weights carry no gradient,
    and are 1/2 where p = q.

    Args:
        log_p, log_q: over all ids: buckets have no rank.
        head_mass: in (0, 1].
        boundary: the id that crosses `head_mass` belongs to the head (the paper) or to the tail (its code, where only
            the likeliest id is in the head whatever its mass).

    Source: AKL, Wu et al. 2024, https://arxiv.org/abs/2404.02657, equations 10 to 13.
    """
    p, q = log_p.detach().exp(), log_q.detach().exp()
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    cumulative = ordered.cumsum(dim=-1)
    in_head = (cumulative - ordered < head_mass) if boundary == "head" else (cumulative <= head_mass)
    in_head[..., 0] = True
    gaps = (p - q).abs().gather(-1, order)
    head, total = (gaps * in_head).sum(dim=-1), gaps.sum(dim=-1)
    share = torch.where(total > 0, head / total.clamp(min=torch.finfo(total.dtype).tiny), 0.5)
    return share * _kl(log_p, log_q) + (1 - share) * _kl(log_q, log_p)


def interpolated(log_p: Tensor, log_q: Tensor, share: float) -> Tensor:
    """Return the log-probs of a teacher between the student, without gradient, and the teacher.

    softmax((1 - share) z_student + share z_teacher); log-probs do for logits z, from which they differ by a constant.

    Source: TAID, Shing et al. 2025, https://arxiv.org/abs/2501.16937, equation 3.
    """
    return ((1 - share) * log_q.detach() + share * log_p).log_softmax(dim=-1)


def _kl(log_a: Tensor, log_b: Tensor) -> Tensor:
    """Return sum of a log(a / b); where a is 0, so is its term."""
    terms = log_a.exp() * (log_a - log_b)
    return torch.where(log_a > -math.inf, terms, 0.0).sum(dim=-1)


def _mixture(log_p: Tensor, log_q: Tensor, share: float) -> Tensor:
    """Return log(share p + (1 - share) q)."""
    if share in (0, 1):
        return log_p if share == 1 else log_q
    return torch.logaddexp(log_p + math.log(share), log_q + math.log1p(-share))
