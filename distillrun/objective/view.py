"""What the objectives share: checks of their settings, and the weighted mean over views."""

from collections.abc import Mapping

import torch

from distillrun.errors import ConfigError
from distillrun.tensors import Count, Loss, StudentOutputs
from distillrun.token_loss import token_nll


def check_version(rationale: str) -> str:
    """Return the version of the rationale to learn, checked. Raises ConfigError."""
    if rationale not in ("initial", "revised"):
        raise ConfigError(f"objective.rationale={rationale!r} is no version of a rationale; choose initial or revised")
    return rationale


def check_weight(key: str, weight: float) -> float:
    """Return a weight between 0 and 1, checked. Raises ConfigError."""
    if not 0 <= weight <= 1:
        raise ConfigError(f"objective.{key}={weight} is no share; choose a number from 0 to 1")
    return weight


def weighted_views(outputs: StudentOutputs, counts: Mapping[str, Count], weights: Mapping[str, float]) -> Loss:
    """Return sum over views of weight x mean negative log-likelihood per token of the view, over the whole step.

    Each view is averaged over its own tokens, so that an answer of five tokens weighs as much as a rationale of a
    hundred (Hsieh et al. 2023, https://arxiv.org/abs/2305.02301, section 3.2). The mean divides by the step's count,
    not the micro-batch's: shares of micro-batches add up to the loss of the step.
    """
    nll = token_nll(outputs.logits, outputs.labels).sum(dim=1)
    total = nll.new_zeros(())
    parts = {}
    for view, weight in weights.items():
        rows = [n for n, name in enumerate(outputs.views) if name == view]
        if rows:
            mean = nll[torch.tensor(rows, device=nll.device)].sum() / counts[view].tokens
            total = total + weight * mean
            parts[view] = mean.detach()
    return Loss(total, parts)
