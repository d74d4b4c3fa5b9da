"""Checks of objectives' settings, and the weighted mean over views."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from distillrun.errors import ConfigError
from distillrun.interfaces import ChoiceModel
from distillrun.loss.summed_costs import summed_costs
from distillrun.loss.tensors import IGNORE, Count, Loss, StudentOutputs
from distillrun.loss.token_loss import TokenLoss, by_position, learnt_places, token_nll
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
    places, cost_of = learnt_places(labels), token_loss(labels)
    if not len(places):
        return outputs.no_loss()
    share = _shares(outputs, counts, weights).to(outputs.logits.dtype)[places // labels.shape[1]]

    def costs(logits: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
        cost = cost_of(logits, begin, end)
        return share[begin:end] * cost, cost[:, None]

    total, noted = summed_costs(outputs.logits, places, 1, costs)
    each = by_position(labels, noted).sum(dim=1)
    parts = {}
    for view in weights:
        rows = [n for n, name in enumerate(outputs.views) if name == view]
        if rows:
            parts[view] = each[torch.tensor(rows, device=each.device)].sum() / counts[view].tokens
    return Loss(total, parts)


def _shares(outputs: StudentOutputs, counts: Mapping[str, Count], weights: Mapping[str, float]) -> Tensor:
    """Return what a token of each row has of the loss, [N] float64: its view's weight / its view's tokens; or 0."""
    shares = [weights[view] / counts[view].tokens if view in weights else 0.0 for view in outputs.views]
    return torch.tensor(shares, dtype=torch.float64, device=outputs.labels.device)
