"""Texts with several labels each, learnt from how often a teacher's samples name each label."""

from collections.abc import Sequence

import torch
from torch import Tensor

from distillrun.interfaces import ChoiceModel
from distillrun.loss.tensors import Loss
from distillrun.objective.label_only import LabelOnly
from distillrun.objective.shared.view import check_weight, label_costs, label_targets
from distillrun.records import Question


class LabelShares(LabelOnly):
    """L = shares_weight x BCE(shares) + (1 - shares_weight) x BCE(labels), per text the mean over all labels.

    BCE is the binary cross-entropy of each label's score through a sigmoid; a label's share is the part of the
    teacher's samples that name it, as the step `label_sets` counts them.

    Args:
        source: what the student reads; field {question}.
        target: how a label is written; field {answer}.
        shares_weight: of the shares, 0 to 1; the labels, a text's own or else the teacher's, have the rest.

    Source: a logistic loss for each label: Nam et al. 2014, https://arxiv.org/abs/1312.5419, section 2.2; soft targets:
    Hinton et al. 2015, https://arxiv.org/abs/1503.02531, section 2.
    """

    needs: frozenset[str] = frozenset({"label_shares"})
    label_sets = "only"

    def __init__(self, source: str, target: str, shares_weight: float) -> None:
        super().__init__(source, target)
        self._shares_weight = check_weight("shares_weight", shares_weight)

    def choice_loss(self, model: ChoiceModel, questions: Sequence[Question], chosen: Sequence[int]) -> Loss:
        """Return the share of the chosen questions in the mean over all; one with a single answer counts as usual."""
        own = [questions[n] for n in chosen]
        if any(question.labels is None for question in own):
            return super().choice_loss(model, questions, chosen)
        weight = self._shares_weight

        def targets(scores: Tensor) -> Tensor:
            return (1 - weight) * label_targets(scores, own) + weight * _shares(scores, own)

        loss = label_costs(model, own, targets).sum() / len(questions)
        return Loss(loss, {"label": loss.detach()})


def _shares(scores: Tensor, questions: Sequence[Question]) -> Tensor:
    """Return the shares of the labels, [N, L] as the scores. Raises ValueError where the teacher gave none."""
    absent = next((question for question in questions if question.shares is None), None)
    if absent is not None:
        raise ValueError(f"the teacher did not label {absent.source[0].text[:60]!r}")
    return torch.tensor([question.shares for question in questions], dtype=scores.dtype, device=scores.device)
