"""Multitask training with a term that brings prediction and explanation of a question closer together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.loss.token_loss import in_parts, learnt_places
from distillrun.objective.multitask import Multitask
from distillrun.objective.shared.around import AroundTexts
from distillrun.records import Requirements


@dataclass(eq=False)
class MutualInformation(AroundTexts):
    """L = L_multitask + information_weight x L_information, the mean over questions.

    L_information is the cross-entropy between what a student expects anywhere in its answer, without gradient, and
    anywhere in its rationale: the greatest probability of each id over the learnt positions.

    - fixed: both are normalised: cross-entropy of two distributions, at least the entropy of the first.
    - paper_code: as the authors' code has it: the first is not normalised, and the second goes through a softmax once
      more, which leaves about one nat between the best and the worst value. Their code also lets pads take part; here
      they do not.

    Args:
        texts: the multitask objective.
        information_weight: 0 or more.
        variant: fixed or paper_code.

    Source: DSS-MI, Chen et al. 2024, https://arxiv.org/abs/2403.03348, section 3.2.
    """

    texts: Multitask
    information_weight: float
    variant: Literal["fixed", "paper_code"]

    requirements = Requirements(whole_examples=True)

    def __post_init__(self) -> None:
        if not 0 <= self.information_weight < math.inf:
            raise ConfigError(f"objective.information_weight={self.information_weight} must be 0 or more")

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        multitask = self.text_loss(outputs, counts, self.texts.weights)
        predict = {row: n for n, row in enumerate(outputs.rows) if outputs.views[n] == "predict"}
        explain = {row: n for n, row in enumerate(outputs.rows) if outputs.views[n] == "explain"}
        both = sorted(predict.keys() & explain.keys())
        if not both:
            return multitask

        def some(begin: int, end: int) -> Tensor:
            rows = both[begin:end]
            return torch.stack([self._information(outputs, predict[row], explain[row]) for row in rows])

        at_once = max(1, outputs.logits.positions_at_once() // outputs.labels.shape[1])
        information = in_parts(some, len(both), at_once).sum() / counts["predict"].pairs
        total = multitask.total + self.information_weight * information
        return Loss(total, {**multitask.parts, "information": information.detach()})

    def _information(self, outputs: StudentOutputs, predict: int, explain: int) -> Tensor:
        with torch.no_grad():
            target = _learnt(outputs, predict).log_softmax(dim=-1)
        return information_loss(target, _learnt(outputs, explain).log_softmax(dim=-1), self.variant)


def information_loss(predict: Tensor, explain: Tensor, variant: Literal["fixed", "paper_code"]) -> Tensor:
    """Return the cross-entropy in nats between the two views' greatest probabilities over their positions.

    Args:
        predict, explain: log-probs [T, V] of the learnt positions of either view.
        variant: see `MutualInformation`.
    """
    target, found = predict.amax(dim=0), explain.amax(dim=0)
    if variant == "paper_code":
        return -(target.exp() * found.exp().log_softmax(dim=0)).sum()
    return -(target.softmax(dim=0) * found.log_softmax(dim=0)).sum()


def _learnt(outputs: StudentOutputs, row: int) -> Tensor:
    """Return the logits of the learnt positions of a row, [T', V], in float32 or better."""
    return outputs.logits.at(learnt_places(outputs.labels, [row])).to(outputs.logits.dtype)
