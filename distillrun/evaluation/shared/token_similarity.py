"""Divergences between next-token distributions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from distillrun.interfaces import LanguageModel, LogitTeacher, MetricContext
from distillrun.language_model.batching import micro_batches
from distillrun.language_model.evaluating import evaluating
from distillrun.loss.divergence import jensen_shannon
from distillrun.loss.tensors import IGNORE, StudentOutputs
from distillrun.loss.token_loss import in_parts, learnt_places
from distillrun.records import Example, TargetPair, gold


def token_divergences(context: MetricContext, examples: Sequence[Example]) -> dict[str, list[float]]:
    """Return the mean Jensen-Shannon divergence of student and teacher over the tokens of each right answer, in nats.

    Under `after` of the trained student, under `before` of the untrained one; nothing where one of the two cannot be
    read, or their tokenizers differ.

    Source: the divergence with both models at one half, Lin 1991, https://doi.org/10.1109/18.61115.
    """
    teacher, student = context.logit_teacher, context.student()
    if not isinstance(teacher, LogitTeacher) or not isinstance(student, LanguageModel):
        return {}
    if dict(student.tokens()) != dict(teacher.tokens()):
        return {}
    pairs = [_pair(example, context) for example in examples]
    lengths = student.lengths(pairs)
    model = teacher.language_model(
        max(source for source, _, _ in lengths) + 1, max(target for _, target, _ in lengths) + 1
    )
    found = {}
    for when, load in (("after", context.student), ("before", context.untrained)):
        own = load()
        if not isinstance(own, LanguageModel):
            raise TypeError("a student that writes before its training writes after it")
        found[when] = _divergences(model, own, pairs, context.tokens_per_batch)
    return found


def _pair(example: Example, context: MetricContext) -> TargetPair:
    objective, task = context.objective, context.task
    answer = objective.continuation(example, gold(example), task, "")
    return TargetPair(objective.query(example, task).answer, answer, "")


def _divergences(
    teacher: LanguageModel, student: LanguageModel, pairs: Sequence[TargetPair], tokens_per_batch: int
) -> list[float]:
    """Return the mean divergence over the learnt positions of each pair."""
    found = [0.0] * len(pairs)
    lengths = [(source, target) for source, target, _ in student.lengths(pairs)]
    with evaluating(teacher.module), evaluating(student.module):
        for group in micro_batches(lengths, tokens_per_batch):
            chosen = [pairs[row] for row in group]
            told, said = (model.forward(model.encode(chosen, group)) for model in (teacher, student))
            counts = (said.labels != IGNORE).sum(dim=1).tolist()
            for row, own in zip(group, torch.split(_by_position(told, said), counts), strict=True):
                found[row] = float(own.mean())
    return found


def _by_position(told: StudentOutputs, said: StudentOutputs) -> Tensor:
    """Return the divergence at each learnt position, [P]."""
    places = [learnt_places(one.labels) for one in (told, said)]
    width = min(told.logits.width, said.logits.width)  # rows of the embeddings that no token has

    def some(begin: int, end: int) -> Tensor:
        log_p, log_q = (
            one.logits.at(own[begin:end]).float().cpu()[:, :width].log_softmax(dim=-1)
            for one, own in zip((told, said), places, strict=True)
        )
        return jensen_shannon(log_p, log_q, 0.5, normalise=False)

    return in_parts(some, len(places[1]), said.logits.positions_at_once())
