"""How far a text seems to be one that a student's labels are made for, and the threshold below which it is not."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from distillrun.evaluation.shared.likelihood_rule import answers_to
from distillrun.interfaces import ChoiceModel, StudentObjective, Task
from distillrun.records import Example, Segment

if TYPE_CHECKING:
    from torch import Tensor

ScopeScore = Literal["max_probability", "energy"]
"""max_probability: the largest probability of a label, Hendrycks & Gimpel 2017, https://arxiv.org/abs/1610.02136.
energy: the log of the summed exponentials of the scores, Liu et al. 2020, https://arxiv.org/abs/2010.03759, equation 4
with the sign turned, at temperature 1."""


def scope_scores(
    kind: ScopeScore,
    model: ChoiceModel,
    objective: StudentObjective,
    task: Task,
    examples: Sequence[Example],
    tokens_per_batch: int,
) -> list[float]:
    """Return how much each text seems to be in scope: the more, the higher."""
    from distillrun.language_model.batching import micro_batches
    from distillrun.language_model.evaluating import evaluating

    sources = [objective.query(example, task).answer for example in examples]
    written: dict[tuple[str, ...], Sequence[Sequence[Segment]]] = {}
    for example in examples:
        if example.choices not in written:
            written[example.choices] = answers_to(objective, example, task)
    answers = [written[example.choices] for example in examples]
    found = [0.0] * len(examples)
    sizes = [model.choice_size(*pair) for pair in zip(sources, answers, strict=True)]
    with evaluating(model.module):
        for group in micro_batches(sizes, tokens_per_batch):
            logits = model.choose([sources[row] for row in group], [answers[row] for row in group])
            for row, value in zip(group, _SCORES[kind](logits.double()).tolist(), strict=True):
                found[row] = float(value)
    return found


def _energy(logits: "Tensor") -> "Tensor":
    return logits.logsumexp(dim=-1)


def _max_probability(logits: "Tensor") -> "Tensor":
    return logits.softmax(dim=-1).amax(dim=-1)


_SCORES: Mapping[ScopeScore, "Callable[[Tensor], Tensor]"] = {"energy": _energy, "max_probability": _max_probability}


def kept_threshold(inside: Sequence[float], kept: float) -> float:
    """Return the greatest score from which on this share of the in-scope texts is kept, or more."""
    ordered = sorted(inside, reverse=True)
    return ordered[math.ceil(round(kept * len(ordered), 9)) - 1]


def labelled_threshold(inside: Sequence[float], right: Sequence[bool], outside: Sequence[float]) -> float:
    """Return the threshold under which most texts are answered right, out of scope being an answer of its own.

    It lies halfway between two scores; of equals the lowest counts.

    Args:
        inside: the scores of in-scope texts, and `right`, whether the label that each gets is right.
        outside: the scores of texts out of scope.

    Source: Larson et al. 2019, https://arxiv.org/abs/1909.02027, section 3.1 (oos-threshold).
    """
    # every text is kept below the lowest score; passing a text in scope loses it, and one out of scope is gained
    steps = sorted([*zip(inside, (-int(hit) for hit in right), strict=True), *((one, 1) for one in outside)])
    best, gain, total = steps[0][0], 0, 0
    for place, (score, change) in enumerate(steps):
        total += change
        following = steps[place + 1][0] if place + 1 < len(steps) else score + 1.0
        if following > score and total > gain:
            best, gain = (score + following) / 2, total
    return best
