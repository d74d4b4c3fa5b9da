"""Groups of rows with a common prefix, which is read once: pure functions on token ids."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import takewhile

Ids = tuple[int, ...]

LEAST_PREFIX = 16
"""Shorter prefixes are not worth a forward pass of their own."""

STEP_TOKENS = 16
"""What a step of one more batch costs, in tokens that could be read in its time; of the order of what CPUs do."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that run together, and how many tokens all of them begin with."""

    rows: tuple[int, ...]
    prefix: int


def prefix_batches(
    sources: Sequence[Ids], groups: Sequence[Hashable], extra: Sequence[int], tokens_per_batch: int, steps: int
) -> list[Batch]:
    """Return batches in which every row is once: rows of one prefix side by side, rows of like length together.

    The largest come first, so that memory runs out at the beginning if it does.

    Args:
        sources: complete source ids.
        groups: rows of one group are expected to share a prefix, such as those with equal demonstrations. Groups that
            save fewer tokens than batches of their own cost are put together.
        extra: how many tokens each row has memory for besides its source.
        tokens_per_batch: the most that rows x (longest source + most extra tokens) may be; one row always fits.
        steps: how often a batch runs through the model, at most.
    """
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    runs: list[list[int]] = [[]]
    for rows in members.values():
        saved = (len(rows) - 1) * common_prefix([sources[row] for row in rows])
        if saved < STEP_TOKENS * steps:
            runs[0] += rows
        else:
            runs.append(rows)

    def size(batch: Batch) -> int:
        return _size(batch.rows, sources, extra)

    cut = [_cut(rows, sources, extra, tokens_per_batch) for rows in runs if rows]
    sorted_runs = [sorted(batches, key=size, reverse=True) for batches in cut]
    return [batch for run in sorted(sorted_runs, key=lambda run: size(run[0]), reverse=True) for batch in run]


def common_prefix(rows: Sequence[Ids]) -> int:
    """Return how many ids all rows begin with; at least one id of each row is left over."""
    low, high = min(rows), max(rows)  # in lexicographic order, these two differ first
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))
    return min(same, min(map(len, rows)) - 1)


def _cut(rows: Sequence[int], sources: Sequence[Ids], extra: Sequence[int], tokens_per_batch: int) -> list[Batch]:
    """Return the batches of rows that have a prefix in common."""
    prefix = common_prefix([sources[row] for row in rows]) if len(rows) > 1 else 0
    cut: list[list[int]] = []
    for row in sorted(rows, key=lambda row: (-len(sources[row]) - extra[row], row)):
        if cut and _size([*cut[-1], row], sources, extra) <= tokens_per_batch:
            cut[-1].append(row)
        else:
            cut.append([row])
    return [Batch(tuple(batch), prefix if prefix >= LEAST_PREFIX else 0) for batch in cut]


def _size(rows: Sequence[int], sources: Sequence[Ids], extra: Sequence[int]) -> int:
    return len(rows) * (max(len(sources[row]) for row in rows) + max(extra[row] for row in rows))
