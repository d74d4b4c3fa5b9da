"""Mixtures of two questions' embeddings, with the teacher's soft labels of both."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import ChoiceModel
from distillrun.loss.tensors import Loss
from distillrun.objective.choice_distillation import ChoiceDistillation, teacher_log_probs
from distillrun.records import Question, Requirements


@dataclass(eq=False)
class MixKD(ChoiceDistillation):
    """L = L_choice_distillation + mixture_weight x L_mixture, the mean over questions.

    A question is mixed with the next one of its step that has as many choices: e = share e_own + (1 - share) e_other,
    share ~ Beta(mixture_beta, mixture_beta). L_mixture = share CE(p_own, f(e)) + (1 - share) CE(p_other, f(e)), where p
    are the teacher's distributions over the choices: its labels are mixed, it does not read the mixture itself.

    It needs a student with an encoder: `choice_scorer`, or an encoder-decoder, whose source is mixed.

    Args:
        mixture_weight: 0 or more.
        mixture_beta: both parameters of the Beta distribution, above 0.
        texts, temperature, temperature_squared, cross_entropy_weight: see `ChoiceDistillation`.

    Source: Liang et al. 2020, https://arxiv.org/abs/2011.00593, equations 4 to 6.
    """

    mixture_weight: float
    mixture_beta: float

    requirements = Requirements(choices=True, encoder=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.mixture_weight < math.inf or not self.mixture_beta > 0:
            raise ConfigError(
                f"objective.mixture_weight={self.mixture_weight} must be 0 or more, and "
                f"objective.mixture_beta={self.mixture_beta} above 0"
            )

    def choice_loss(self, model: ChoiceModel, questions: Sequence[Question], chosen: Sequence[int]) -> Loss:
        plain = super().choice_loss(model, questions, chosen)
        partners = {n: partner for n in chosen if (partner := partner_of(questions, n)) is not None}
        if not partners:
            return plain
        shares = [random.Random(questions[n].seed).betavariate(self.mixture_beta, self.mixture_beta) for n in partners]
        mixture = mixture_loss(
            model, [questions[n] for n in partners], [questions[n] for n in partners.values()], shares
        ).sum() / len(questions)
        total = plain.total + self.mixture_weight * mixture
        return Loss(total, {**plain.parts, "mixture": mixture.detach()})


def partner_of(questions: Sequence[Question], place: int) -> int | None:
    """Return the next question of a step, counted in a circle, with as many choices; None where there is none."""
    for step in range(1, len(questions)):
        other = (place + step) % len(questions)
        if len(questions[other].answers) == len(questions[place].answers):
            return other
    return None


def mixture_loss(
    model: ChoiceModel, own: Sequence[Question], others: Sequence[Question], shares: Sequence[float]
) -> Tensor:
    """Return the cross-entropy in nats of the teacher's soft labels of both questions given their mixture, [M]."""
    both = [*own, *others]
    found = model.mixed_choose(
        [question.source for question in both],
        [question.answers for question in both],
        range(len(own), len(both)),
        [*shares, *shares],
    )
    share = torch.tensor(shares, device=found[0].device).to(found[0].dtype)
    losses = [
        _soft_nll(scores, teacher_log_probs(scores, asked, 1.0))
        for scores, asked in zip(found, (own, others), strict=True)
    ]
    return share * losses[0] + (1 - share) * losses[1]


def _soft_nll(scores: Tensor, log_p: Tensor) -> Tensor:
    terms = log_p.exp() * scores.log_softmax(dim=-1)
    return -torch.where(log_p > -math.inf, terms, 0.0).sum(dim=-1)
