"""Batches of completions and scores: each is reserved before it begins, and settled row by row."""

from collections.abc import Hashable, Iterator, Sequence

from distillrun.interfaces import Account
from distillrun.language_model.shared_prefix import prefix_batches
from distillrun.records import Completion, Sampling, ScoredContinuation
from distillrun.teacher.local_checkpoint.model import LocalModel, Writing
from distillrun.teacher.local_checkpoint.prompt import Scoring
from distillrun.teacher.shared.reserving import reserved_parts


def written(
    model: LocalModel, writings: Sequence[Writing], sampling: Sampling, tokens_per_batch: int, account: Account
) -> Iterator[tuple[int, Completion]]:
    """Yield (index, completion) of texts that are all contrasted or none; ends where nothing more can be reserved."""
    sources = [writing.source for writing in writings]
    costs = [(len(writing.source), writing.max_new_tokens) for writing in writings]
    extra = [2 * one.max_new_tokens + len(one.against[0]) if one.against else one.max_new_tokens for one in writings]
    steps = max((one.max_new_tokens for one in writings), default=0)
    for batch in prefix_batches(sources, [one.group for one in writings], extra, tokens_per_batch, steps):
        answered = 0
        for part in reserved_parts(batch.rows, costs, account):
            reservations = {writings[row].index: reservation for row, reservation in part}
            for one, row, made in model.write([writings[row] for row, _ in part], batch.prefix, sampling):
                reservations[one.index].settle(len(one.source), made.tokens)
                answered += 1
                yield (
                    one.index,
                    Completion(
                        made.text,
                        made.finish_reason,
                        prompt_tokens=len(one.source),
                        completion_tokens=made.tokens,
                        discarded_tokens=made.discarded_tokens,
                        log_prob=row.log_prob,
                    ),
                )
        if answered < len(batch.rows):
            return


def scored(
    model: LocalModel,
    scorings: Sequence[Scoring],
    groups: Sequence[Hashable],
    tokens_per_batch: int,
    account: Account,
) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
    """Yield (place, scores) of prompts with their texts; ends where nothing more can be reserved."""
    sources = [scoring.source for scoring in scorings]
    costs = [(len(source), 0) for source in sources]
    # each text has its own copy of the prompt's cache
    extra = [
        len(one.ends) * (len(one.source) + max(map(len, one.ends), default=0)) - len(one.source) for one in scorings
    ]
    for batch in prefix_batches(sources, groups, extra, tokens_per_batch, steps=2):
        answered = 0
        for part in reserved_parts(batch.rows, costs, account):
            found = model.score([scorings[row] for row, _ in part], batch.prefix)
            for (row, reservation), scores in zip(part, found, strict=True):
                reservation.settle(len(sources[row]), 0)
                answered += 1
                yield row, scores
        if answered < len(batch.rows):
            return
