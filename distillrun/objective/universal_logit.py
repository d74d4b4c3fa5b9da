"""Universal logit distillation: sorted probabilities are compared, so that ids need not mean the same."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from distillrun.errors import ConfigError
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.loss.token_loss import in_parts
from distillrun.objective.shared.aligned import aligned, rest_log_probs
from distillrun.objective.shared.around import AroundTexts
from distillrun.objective.shared.token_distillation import SAMPLED
from distillrun.records import Json, Requirements, TargetPair


@dataclass(eq=False)
class UniversalLogit(AroundTexts):
    """L = CE + logit_weight x mean over tokens of sum_k |sorted(p)_k - sorted(q)_k|, for a teacher with any tokenizer.

    Texts are aligned at characters: where the tokens of both sides end together, a new stretch begins, and the two
    distributions of its first token are compared, since both have read the same text. A stretch of several tokens is
    one event, as likely as their product; what its first token alone would have been likely beyond that is one more.

    Args:
        texts: what is read and written: any objective that learns texts.
        logit_weight: 0 or more.
        teacher: live, since it needs all probabilities.

    Source: ULD, Boizard et al. 2024, https://arxiv.org/abs/2402.12030, equation 2; there tokens are paired by their
    number, so that one that is cut in two misplaces all that follow.
    """

    logit_weight: float
    teacher: Literal["live"] = "live"

    ADDED: ClassVar[Mapping[str, Json]] = {"teacher": "live"}
    requirements = Requirements("live", same_tokenizer=False)

    def __post_init__(self) -> None:
        if not 0 <= self.logit_weight < math.inf:
            raise ConfigError(f"objective.logit_weight={self.logit_weight} must be 0 or more")

    def is_taught(self, pair: TargetPair) -> bool:
        return pair.view.removesuffix(f"/{SAMPLED}") in self.texts.weights

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        return self.shared_loss(outputs, counts, sampled=0.0)

    def shared_loss(self, outputs: StudentOutputs, counts: Mapping[str, Count], sampled: float) -> Loss:
        """Return the loss where sampled targets have this share of it, and given ones, the only labels, the rest."""
        given = {view: (1 - sampled) * weight for view, weight in self.texts.weights.items()}
        compared = given | {f"{view}/{SAMPLED}": sampled * weight for view, weight in self.texts.weights.items()}
        labels = self.text_loss(outputs, counts, given)
        found, teacher_outputs = aligned(outputs, counts, compared), outputs.teacher_outputs
        if found is None or teacher_outputs is None:
            return labels
        theirs, places, lengths = teacher_outputs, (found.student, found.teacher), found.lengths

        def some(begin: int, end: int) -> Tensor:
            own = slice(begin, end)
            q = stretch_probabilities(outputs.logits, outputs.labels, places[0][own], lengths[own, 0])
            with torch.no_grad():
                p = stretch_probabilities(theirs.logits, theirs.labels, places[1][own], lengths[own, 1])
            return sorted_distance(p.to(q.device), q)

        distances = in_parts(some, len(lengths), outputs.logits.positions_at_once())
        distance = (distances * found.weight).sum()
        total = labels.total + self.logit_weight * distance
        return Loss(total, {**labels.parts, "universal_logit": distance.detach()})


def stretch_probabilities(logits: Logits, labels: Tensor, begins: Tensor, lengths: Tensor) -> Tensor:
    """Return the probabilities [G, V + 1] of what may come at the beginning of each stretch; they add up to 1.

    The id of the stretch's first token stands for the whole stretch. The last place holds what that token would be
    likely without the rest of the stretch after it.
    """
    ids = labels.flatten()
    probabilities = logits.at(begins).to(logits.dtype).softmax(dim=-1)
    first = ids[begins][:, None]
    whole = rest_log_probs(logits, ids, begins, lengths).exp()[:, None]
    own = probabilities.gather(-1, first)
    return torch.cat([probabilities.scatter(-1, first, own * whole), own * (1 - whole)], dim=-1)


def sorted_distance(p: Tensor, q: Tensor) -> Tensor:
    """Return the sum of |p - q| over ranks, [G] from [G, V] and [G, V']; the shorter one is filled up with zeros."""
    width = max(p.shape[-1], q.shape[-1])
    p, q = (torch.nn.functional.pad(one, (0, width - one.shape[-1])) for one in (p, q))
    p, q = (one.sort(dim=-1, descending=True).values for one in (p, q))
    return (p - q).abs().sum(dim=-1)
