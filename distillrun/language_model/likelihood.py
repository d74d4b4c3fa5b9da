"""The log-likelihood of given continuations of a source."""

from collections.abc import Callable, Sequence
from itertools import islice

import torch
from torch import Tensor

from distillrun.language_model.batching import micro_batches
from distillrun.language_model.padding import padded
from distillrun.language_model.text import Target
from distillrun.loss.logits import Logits
from distillrun.loss.tensors import IGNORE
from distillrun.loss.token_loss import token_costs
from distillrun.records import ScoredContinuation

Ids = Sequence[int]


def scored_continuations(
    logits: Callable[[Sequence[Ids], Ids, Sequence[Ids]], Logits],
    sources: Sequence[Ids],
    continuations: Sequence[Sequence[Target]],
    tokens_per_batch: int,
) -> list[tuple[ScoredContinuation, ...]]:
    """Return the score of each continuation of each source, in the order given, over what is learnt except the end.

    A batch holds whole sources; its padded size counts a source once for each of its continuations.

    Args:
        logits: (sources of a batch, which of them each continuation follows, continuations) -> [R, T, V].
        sources: complete source ids.
        continuations: those of `sources[n]` at n.
        tokens_per_batch: the largest padded size of a batch.
    """
    scores: list[tuple[ScoredContinuation, ...]] = [()] * len(sources)
    asked = [row for row, own in enumerate(continuations) if own]
    sizes = [continued_size(sources[row], continuations[row]) for row in asked]
    for group in [[asked[place] for place in places] for places in micro_batches(sizes, tokens_per_batch)]:
        owners = [place for place, row in enumerate(group) for _ in continuations[row]]
        targets = [target for row in group for target in continuations[row]]
        predicted = logits([sources[row] for row in group], owners, [target.ids for target in targets])
        tokens = [sum(target.learn[: -target.closing]) for target in targets]
        log_probs = continuation_log_probs(predicted, targets).tolist()
        found = iter(map(ScoredContinuation, log_probs, tokens))
        for row in group:
            scores[row] = tuple(islice(found, len(continuations[row])))
    return scores


def continuation_log_probs(logits: Logits, targets: Sequence[Target]) -> Tensor:
    """Return the log-likelihood in nats of what is learnt of each target, its end left out, [R] from [R, T, V]."""
    unscored = [[*target.labels[: -target.closing], *[IGNORE] * target.closing] for target in targets]
    labels = padded(unscored, IGNORE, "right", logits.device)
    return -token_costs(logits, labels).sum(dim=1)


def ragged(values: Tensor, counts: Sequence[int]) -> Tensor:
    """Return values [R], `counts[n]` of them for row n, as [N, C], -inf where a row has fewer than C."""
    places = torch.arange(max(counts), device=values.device)
    inside = places < torch.tensor(counts, device=values.device)[:, None]
    return values.new_full(inside.shape, -torch.inf).masked_scatter(inside, values)


def continued_size(source: Ids, continuations: Sequence[Target]) -> tuple[int, int]:
    """Return the source tokens and the target tokens that a source with its continuations brings into a batch."""
    count = len(continuations)
    return count * len(source), count * max(len(target.ids) for target in continuations)
