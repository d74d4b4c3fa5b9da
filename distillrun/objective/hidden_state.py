"""The distance of the student's hidden states from the teacher's, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distillrun.interfaces import ObjectiveContext
from distillrun.language_model.sampling import writer_of
from distillrun.loss.tensors import Count, Loss, StudentOutputs
from distillrun.loss.token_loss import learnt_places
from distillrun.objective.shared.around import AroundTexts
from distillrun.objective.shared.projection import projection
from distillrun.objective.shared.view import check_weight
from distillrun.records import Requirements


@dataclass(eq=False)
class HiddenState(AroundTexts):
    """L = cross_entropy_weight x CE + (1 - cross_entropy_weight) x mean over layer pairs and tokens of d(W h_S, h_T).

    W maps the student's width to the teacher's; there is one for each pair of layers, trained with the student and not
    saved with it. States are compared in float32, after a layer norm without weights where d is `mse`, so that its
    scale does not depend on the models.

    Args:
        texts: what is read and written: any objective that learns texts.
        layers: uniform: student layer l with teacher layer round(l x L_T / L_S); last: the last ones alone.
        distance: cosine: 1 - cosine; mse: mean squared difference.
        cross_entropy_weight: share of the labels, 0 to 1.

    Source: Romero et al. 2014 (FitNets), https://arxiv.org/abs/1412.6550; uniform map: Jiao et al. 2019 (TinyBERT),
    https://arxiv.org/abs/1909.10351, section 3.1.
    """

    layers: Literal["uniform", "last"]
    distance: Literal["cosine", "mse"]
    cross_entropy_weight: float
    _maps: nn.ModuleDict = field(init=False, default_factory=nn.ModuleDict, repr=False)

    requirements = Requirements("live", hidden=True)

    def __post_init__(self) -> None:
        check_weight("cross_entropy_weight", self.cross_entropy_weight)

    def start(self, context: ObjectiveContext) -> None:
        student, teacher = writer_of(context.student), writer_of(context.teacher)
        own, other = student.layer_widths(), teacher.layer_widths()
        for layer in range(1, len(own)) if self.layers == "uniform" else [len(own) - 1]:
            self._maps[str(layer)] = projection(own[layer], other[self._teacher_layer(layer, len(own), len(other))])

    def modules(self) -> nn.ModuleDict:
        return self._maps

    def _teacher_layer(self, layer: int, own: int, other: int) -> int:
        """Return the teacher's layer for one of the student's; both counted with the embeddings, which are layer 0."""
        return other - 1 if self.layers == "last" else uniform_layer(layer, own - 1, other - 1)

    def loss(self, outputs: StudentOutputs, counts: Mapping[str, Count]) -> Loss:
        share = self.cross_entropy_weight
        labels = self.text_loss(outputs, counts, {view: share * one for view, one in self.texts.weights.items()})
        teacher_outputs = outputs.teacher_outputs
        if teacher_outputs is None:
            return labels
        rows = [row for row in teacher_outputs.rows if outputs.views[row] in self.texts.weights]
        kept = [other for other, row in enumerate(teacher_outputs.rows) if row in rows]
        places, other_places = learnt_places(outputs.labels, rows), learnt_places(teacher_outputs.labels, kept)
        weights = [self.texts.weights.get(view, 0.0) / counts[view].tokens for view in outputs.views]
        weight = torch.tensor(weights, device=places.device)[places // outputs.labels.shape[1]]
        distances = []
        for name, own_map in self._maps.items():
            layer = int(name)
            other = self._teacher_layer(layer, len(outputs.hidden), len(teacher_outputs.hidden))
            map_: Any = own_map
            own = map_(outputs.hidden[layer].flatten(0, 1)[places].to(map_.weight.dtype))
            theirs = teacher_outputs.hidden[other].flatten(0, 1)[other_places].to(own)
            distances.append((state_distance(own, theirs, self.distance) * weight.to(own)).sum())
        distance = torch.stack(distances).mean()
        total = labels.total + (1 - share) * distance
        return Loss(total, {**labels.parts, "hidden_state": distance.detach()})


def uniform_layer(layer: int, layers: int, teacher_layers: int) -> int:
    """Return round(layer x teacher_layers / layers): the last layer meets the last one."""
    return round(layer * teacher_layers / layers)


def state_distance(own: Tensor, theirs: Tensor, distance: Literal["cosine", "mse"]) -> Tensor:
    """Return how far states [P, D] are apart, [P]."""
    if distance == "cosine":
        return 1 - F.cosine_similarity(own, theirs, dim=-1)
    width = own.shape[-1:]
    return (F.layer_norm(own, width) - F.layer_norm(theirs, width)).square().mean(dim=-1)
