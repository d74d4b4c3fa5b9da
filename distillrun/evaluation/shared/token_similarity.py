"""Divergences between next-token distributions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from distillrun.interfaces import ChoiceModel, LanguageModel, LogitTeacher, MetricContext
from distillrun.language_model.batching import micro_batches
from distillrun.language_model.evaluating import evaluating
from distillrun.loss.divergence import jensen_shannon
from distillrun.loss.tensors import IGNORE
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
    model = teacher.model(max(source for source, _, _ in lengths) + 1, max(target for _, target, _ in lengths) + 1)
    expected = _expected(model, pairs, context.tokens_per_batch)
    found = {}
    for when, load in (("after", context.student), ("before", context.untrained)):
        own = load()
        rows = _expected(own, pairs, context.tokens_per_batch)
        width = min(rows[0].shape[-1], expected[0].shape[-1])  # rows of the embeddings that no token has
        found[when] = [
            float(jensen_shannon(_log_probs(told, width), _log_probs(said, width), 0.5, normalise=False).mean())
            for told, said in zip(expected, rows, strict=True)
        ]
    return found


def _pair(example: Example, context: MetricContext) -> TargetPair:
    objective, task = context.objective, context.task
    answer = objective.continuation(example, gold(example), task, "")
    return TargetPair(objective.query(example, task).answer, answer, "")


def _log_probs(logits: Tensor, width: int) -> Tensor:
    return logits[..., :width].log_softmax(dim=-1)


def _expected(model: ChoiceModel, pairs: Sequence[TargetPair], tokens_per_batch: int) -> list[Tensor]:
    """Return the logits of each pair's learnt positions, [T, V] in float32, on the CPU."""
    if not isinstance(model, LanguageModel):
        raise TypeError("a student that writes before its training writes after it")
    found: list[Tensor] = [torch.empty(0)] * len(pairs)
    lengths = [(source, target) for source, target, _ in model.lengths(pairs)]
    with evaluating(model.module):
        for group in micro_batches(lengths, tokens_per_batch):
            outputs = model.forward(model.encode([pairs[row] for row in group], group))
            for row, logits, labels in zip(group, outputs.logits, outputs.labels, strict=True):
                found[row] = logits[labels != IGNORE].float().cpu()
    return found
