"""Which rows begin alike, and are therefore read together: pure functions on token ids."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import takewhile

Ids = tuple[int, ...]

LEAST_PREFIX = 16
"""Shorter prefixes are not worth a forward pass of their own."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that run together, and how many tokens all of them begin with."""

    rows: tuple[int, ...]
    prefix: int


def prefix_batches(
    sources: Sequence[Ids], groups: Sequence[Hashable], new_tokens: Sequence[int], tokens_per_batch: int
) -> list[Batch]:
    """Return batches in which every row is once: rows of one prefix side by side, rows of like length together.

    Args:
        sources: complete source ids.
        groups: rows of one group are expected to begin alike, such as those with equal demonstrations; groups of one
            row are put together.
        new_tokens: how many tokens each row may write.
        tokens_per_batch: the most that rows x (longest source + most new tokens) may be; one row always fits.
    """
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    alone = [rows[0] for rows in members.values() if len(rows) == 1]
    together = [rows for rows in members.values() if len(rows) > 1] + ([alone] if alone else [])
    batches = []
    for rows in together:
        prefix = common_prefix([sources[row] for row in rows]) if len(rows) > 1 else 0
        longest_first = sorted(rows, key=lambda row: (-len(sources[row]) - new_tokens[row], row))
        batches += [
            Batch(tuple(cut), prefix if prefix >= LEAST_PREFIX else 0)
            for cut in _cut(longest_first, sources, new_tokens, tokens_per_batch)
        ]
    largest = {batch: _size(batch.rows, sources, new_tokens) for batch in batches}
    first = max(range(len(batches)), key=lambda place: largest[batches[place]], default=0)
    return batches[first : first + 1] + batches[:first] + batches[first + 1 :]


def common_prefix(rows: Sequence[Ids]) -> int:
    """Return how many ids all rows begin with; at least one id of each row is left over."""
    low, high = min(rows), max(rows)  # in lexicographic order, these two differ first
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)))
    return min(same, min(map(len, rows)) - 1)


def _cut(
    rows: Sequence[int], sources: Sequence[Ids], new_tokens: Sequence[int], tokens_per_batch: int
) -> list[list[int]]:
    batches: list[list[int]] = []
    for row in rows:
        if batches and _size([*batches[-1], row], sources, new_tokens) <= tokens_per_batch:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def _size(rows: Sequence[int], sources: Sequence[Ids], new_tokens: Sequence[int]) -> int:
    return len(rows) * (max(len(sources[row]) for row in rows) + max(new_tokens[row] for row in rows))
