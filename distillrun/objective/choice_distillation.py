"""The teacher's distribution over the choices of a question: five numbers that fit any tokenizer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.interfaces import ChoiceModel, LanguageModel
from distillrun.loss.divergence import forward_kl
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.objective.label_only import LabelOnly
from distillrun.objective.shared.around import AroundTexts
from distillrun.objective.shared.view import check_weight, choice_nll
from distillrun.records import Question, Requirements


@dataclass(eq=False)
class ChoiceDistillation(AroundTexts):
    """L = cross_entropy_weight x CE + (1 - cross_entropy_weight) x T^2 x KL(teacher || student) over the choices.

    The teacher's distribution is what the step `choice_scores` made. The student's is the softmax of its scores: of the
    log-likelihoods of the answers where it writes, of its head where it does not. CE is that of the answer's text where
    it writes (per token), and that of the right choice where it does not. A student that writes learns to choose by it
    more than to write: score it by `choice_likelihood`.

    Args:
        texts: the answers.
        temperature: of both distributions, above 0; the stored log-probs are divided by it.
        temperature_squared: multiply the KL by the squared temperature.
        cross_entropy_weight: share of the labels, 0 to 1.

    Source: Sutanto et al. 2024, https://arxiv.org/abs/2412.09807, section 3.3; temperature: Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it weighs the choices of a question against each other; use objective=sequence_level or forward_kl"
    )

    texts: LabelOnly
    temperature: float
    temperature_squared: bool
    cross_entropy_weight: float

    requirements = Requirements(choices=True)

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ConfigError(f"objective.temperature={self.temperature} must be above 0")
        check_weight("cross_entropy_weight", self.cross_entropy_weight)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"choice_scores"})

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return self.text_loss(outputs, counts, {"predict": self.cross_entropy_weight})

    def choice_loss(self, model: ChoiceModel, questions: Sequence[Question], chosen: Sequence[int]) -> Loss:
        """Return the share of the chosen questions in the mean over all."""
        own = [questions[n] for n in chosen]
        sources, answers = [question.source for question in own], [question.answers for question in own]
        scores = model.choose(sources, answers)
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        distance = choice_kl(scores, own, self.temperature).sum() / len(questions)
        scale = self.temperature**2 if self.temperature_squared else 1.0
        total = (1 - self.cross_entropy_weight) * scale * distance
        parts = {"choice/forward_kl": distance.detach()}
        if not isinstance(model, LanguageModel):
            nll = choice_nll(scores.log_softmax(dim=-1), own).sum() / len(questions)
            total, parts = total + self.cross_entropy_weight * nll, {**parts, "choice": nll.detach()}
        return Loss(total, parts)


def choice_kl(scores: Tensor, questions: Sequence[Question], temperature: float) -> Tensor:
    """Return KL(teacher || student) over the choices of each question in nats, [N] from scores [N, C].

    Raises:
        ValueError: the teacher did not score a question's choices.
    """
    return forward_kl(teacher_log_probs(scores, questions, temperature), (scores / temperature).log_softmax(dim=-1))


def teacher_log_probs(scores: Tensor, questions: Sequence[Question], temperature: float) -> Tensor:
    """Return the teacher's log-probs of the choices at a temperature, [N, C]; -inf where there are fewer."""
    rows = []
    for question in questions:
        if question.teacher is None:
            raise ValueError(f"the teacher did not score the choices of {question.source[0].text[:60]!r}")
        rows.append([*question.teacher, *[-math.inf] * (scores.shape[1] - len(question.teacher))])
    return (torch.tensor(rows, device=scores.device).to(scores.dtype) / temperature).log_softmax(dim=-1)
