"""Checks of objectives' settings, and the weighted mean over views."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from distillrun.errors import ConfigError
from distillrun.interfaces import ChoiceModel
from distillrun.loss.tensors import IGNORE, Count, Loss, StudentOutputs
from distillrun.loss.token_loss import TokenLoss, token_nll
from distillrun.records import Question


def check_version(rationale: str) -> str:
    """Return the version of the rationale to learn, checked. Raises ConfigError."""
    if rationale not in ("initial", "revised"):
        raise ConfigError(f"objective.rationale={rationale!r} must be initial or revised")
    return rationale


def scored_choices(model: ChoiceModel, questions: Sequence[Question]) -> Tensor:
    """Return the log-probs of each question's choices among themselves, [N, C]; -inf where there are fewer."""
    scores = model.choose([question.source for question in questions], [question.answers for question in questions])
    return scores.to(torch.promote_types(scores.dtype, torch.float32)).log_softmax(dim=-1)


def choice_nll(log_probs: Tensor, questions: Sequence[Question]) -> Tensor:
    """Return the negative log-likelihood in nats of each question's right choice, [N] from log-probs [N, C]."""
    places = [question.right for question in questions if question.right is not None]
    if len(places) < len(questions):
        raise ValueError("a question has no answer, or several; an objective that learns one answer cannot learn it")
    right = torch.tensor(places, device=log_probs.device)
    return -log_probs.gather(-1, right[:, None]).squeeze(1)


def label_costs(model: ChoiceModel, questions: Sequence[Question], targets: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the binary cross-entropy of each text's labels, their mean, [N].

    Args:
        model: gives each label a score, which a sigmoid makes a probability.
        questions: the texts.
        targets: returns how much of each label is right, [N, L], of scores of that shape.
    """
    scores = model.choose([question.source for question in questions], [question.answers for question in questions])
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    costs = nn.functional.binary_cross_entropy_with_logits(scores, targets(scores), reduction="none")
    return costs.mean(dim=-1)


def label_targets(scores: Tensor, questions: Sequence[Question]) -> Tensor:
    """Return 1 for each label of a text and 0 for all others, [N, L] as the scores."""
    targets = torch.zeros_like(scores)
    for row, question in zip(targets, questions, strict=True):
        row[list(question.labels or ())] = 1.0
    return targets


def check_weight(key: str, weight: float) -> float:
    """Return a weight between 0 and 1, checked. Raises ConfigError."""
    if not 0 <= weight <= 1:
        raise ConfigError(f"objective.{key}={weight} must lie between 0 and 1")
    return weight


def weighted_views(
    outputs: StudentOutputs,
    counts: Mapping[str, Count],
    weights: Mapping[str, float],
    token_loss: TokenLoss = token_nll,
) -> Loss:
    """Return sum over views of weight x mean cost per token of the view, over the whole step.

    Each view is averaged over its own tokens, so that an answer of five tokens weighs as much as a rationale of a
    hundred (Hsieh et al. 2023, https://arxiv.org/abs/2305.02301, section 3.2). The mean divides by the step's count,
    not the micro-batch's: shares of micro-batches add up to the loss of the step. Other views cost nothing.
    """
    labels = outputs.labels
    if others := [n for n, name in enumerate(outputs.views) if name not in weights]:
        labels = labels.index_fill(0, torch.tensor(others, device=labels.device), IGNORE)
    costs = token_loss(outputs.logits, labels).sum(dim=1)
    total = costs.new_zeros(())
    parts = {}
    for view, weight in weights.items():
        rows = [n for n, name in enumerate(outputs.views) if name == view]
        if rows:
            mean = costs[torch.tensor(rows, device=costs.device)].sum() / counts[view].tokens
            total = total + weight * mean
            parts[view] = mean.detach()
    return Loss(total, parts)
