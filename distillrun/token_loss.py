"""Losses per target token: pure functions of aligned logits [N, T, V] and labels [N, T]."""

import torch
import torch.nn.functional as F
from torch import Tensor

from distillrun.tensors import IGNORE


def token_nll(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the negative log-likelihood of each label in nats, [N, T]; exactly 0 where the label is IGNORE.

    Computed in fp32 or better. Only learnt positions enter the softmax: what stands elsewhere, even NaN, reaches
    neither value nor gradient, and padding costs no compute.
    """
    learnt = labels != IGNORE
    kept = logits[learnt]
    if kept.dtype in (torch.bfloat16, torch.float16):
        kept = kept.float()
    nll = F.cross_entropy(kept, labels[learnt], reduction="none")
    return torch.zeros(labels.shape, dtype=nll.dtype, device=nll.device).masked_scatter(learnt, nll)
