"""A divergence in both models' hidden spaces, so that two vocabularies need not be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distillrun.errors import ConfigError
from distillrun.interfaces import LanguageModel, ObjectiveContext
from distillrun.language_model.sampling import writer_of
from distillrun.loss.divergence import forward_kl
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.loss.token_loss import in_parts
from distillrun.objective.shared.aligned import aligned
from distillrun.objective.shared.around import AroundTexts
from distillrun.objective.shared.projection import projection
from distillrun.objective.shared.view import check_weight
from distillrun.records import Requirements

PARTS = ("label", "student", "teacher")
"""The divergences, by what they teach: L_label, L_student and L_teacher."""


@dataclass(eq=False)
class DualSpace(AroundTexts):
    """L = cross_entropy_weight x CE + (1 - cross_entropy_weight) x (L_student + L_label + L_teacher), at temperature T.

    Two maps, trained with the student and not saved with it, bring hidden states into the other model's space:

    - L_label: the student's head, without gradient, reads the mapped states of the teacher and must find the labels;
    - L_student: KL(what it finds, without gradient || student), where its likeliest token is the label;
    - L_teacher: KL(teacher || teacher's head on the mapped states of the student).

    Teacher and student may have any tokenizers: their texts are aligned at characters, and states are compared where
    both have read the same text, see `distillrun.loss.token_alignment`. (The paper aligns them by attention, and its
    code adds the embeddings of the labels to the teacher's states and trains the maps at a rate of their own, 1e-3.)

    Args:
        texts: what is read and written: any objective that learns texts.
        temperature: of the two KLs, which are not multiplied by its square.
        cross_entropy_weight: share of the labels, 0 to 1.

    Source: DSKD, Zhang et al. 2024, https://arxiv.org/abs/2406.17328, section 3.
    """

    temperature: float
    cross_entropy_weight: float
    _maps: nn.ModuleDict = field(init=False, default_factory=nn.ModuleDict, repr=False)
    _heads: tuple[LanguageModel, ...] = field(init=False, default=(), repr=False)

    requirements = Requirements("live", hidden=True, same_tokenizer=False, heads=True)

    def __post_init__(self) -> None:
        check_weight("cross_entropy_weight", self.cross_entropy_weight)
        if not self.temperature > 0:
            raise ConfigError(f"objective.temperature={self.temperature} must be above 0")

    def start(self, context: ObjectiveContext) -> None:
        student, teacher = writer_of(context.student), writer_of(context.teacher)
        own, other = student.layer_widths()[-1], teacher.layer_widths()[-1]
        self._maps["to_teacher"] = projection(own, other)
        self._maps["to_student"] = projection(other, own)
        self._heads = (student, teacher)

    def modules(self) -> nn.ModuleDict:
        return self._maps

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        share = self.cross_entropy_weight
        labels = self.text_loss(outputs, counts, {view: share * one for view, one in self.texts.weights.items()})
        found, teacher_outputs = aligned(outputs, counts, self.texts.weights), outputs.teacher_outputs
        if found is None or teacher_outputs is None:
            return labels
        places, others = found.student, found.teacher

        def some(begin: int, end: int) -> Tensor:
            return self._costs(outputs, teacher_outputs, places[begin:end], others[begin:end])

        costs = in_parts(some, len(places), outputs.logits.positions_at_once())
        means = (costs * found.weight.to(costs)[:, None]).sum(dim=0)
        parts = {f"dual_space/{name}": mean for name, mean in zip(PARTS, means.detach(), strict=True)}
        return Loss(labels.total + (1 - share) * means.sum(), {**labels.parts, **parts})

    def _costs(self, own: StudentOutputs, theirs: StudentOutputs, places: Tensor, others: Tensor) -> Tensor:
        """Return what some positions of student and teacher cost, [P, 3] as in `PARTS`."""
        student, teacher = self._heads
        states, other_states = own.hidden[-1].flatten(0, 1)[places], theirs.hidden[-1].flatten(0, 1)[others]
        ids = own.labels.flatten()[places]
        logits = student.head(_mapped(self._maps["to_student"], other_states), frozen=True)
        found = teacher.head(_mapped(self._maps["to_teacher"], states), frozen=True)
        costs = (
            F.cross_entropy(logits, ids, reduction="none"),
            self._kl(logits.detach(), own.logits.at(places).to(own.logits.dtype)) * (logits.argmax(dim=-1) == ids),
            self._kl(theirs.logits.at(others).to(own.logits.device, own.logits.dtype), found),
        )
        return torch.stack(costs, dim=1)

    def _kl(self, reference: Tensor, logits: Tensor) -> Tensor:
        return forward_kl(*((one / self.temperature).log_softmax(dim=-1) for one in (reference, logits)))


def _mapped(own_map: nn.Module, states: Tensor) -> Tensor:
    map_: Any = own_map
    mapped: Tensor = map_(states.to(map_.weight.dtype))
    return mapped
