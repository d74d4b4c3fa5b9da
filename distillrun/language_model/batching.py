"""The grouping of rows of different length so that little of a forward pass is padding. Pure functions on lengths."""

from collections.abc import Callable, Sequence

TOKENS_PER_FORWARD = 80
"""What one more forward pass is taken to cost, in padded tokens. On CommonsenseQA with recorded rationales (four views)
it gives 1.09 padded over real tokens in 10 passes at 16 examples per step, and 1.07 in 25 passes at 64."""

BAND = 16
"""Rows whose sources (or targets) differ by less than this many tokens may count as equally long while sorting."""


def micro_batches(
    lengths: Sequence[int | tuple[int, int]], tokens_per_batch: int, tokens_per_forward: int = TOKENS_PER_FORWARD
) -> list[list[int]]:
    """Return groups of row indices whose padded size fits `tokens_per_batch`, every row in exactly one group.

    The padded size of a group is rows x (longest source + longest target). Rows are sorted by length, then the cut
    points are chosen by dynamic programming to minimise padded tokens plus a constant for each group; of several sort
    orders the cheapest wins. A row that is larger than the budget by itself forms its own group. The result depends on
    the arguments alone, and the largest group comes first, so that memory runs out at once or not at all.

    Args:
        lengths: tokens of each row, or (source tokens, target tokens) of each row.
        tokens_per_batch: the largest padded size of a group.
        tokens_per_forward: the constant, in padded tokens: higher gives fewer and larger groups with more padding.
    """
    pairs = [(length, 0) if isinstance(length, int) else length for length in lengths]
    rows = range(len(pairs))
    if len(set(pairs)) == 1 and padded_size(pairs) <= tokens_per_batch:  # such as texts that were encoded before
        return [[*rows]]
    plans = [_cut(sorted(rows, key=key), pairs, tokens_per_batch, tokens_per_forward) for key in _sort_keys(pairs)]
    _, groups = min(plans, key=lambda plan: plan[0])
    return sorted(groups, key=lambda group: (-padded_size([pairs[row] for row in group]), group))


def padded_size(lengths: Sequence[tuple[int, int]]) -> int:
    """Return the tokens of a batch of (source, target) rows after padding."""
    return len(lengths) * (max(source for source, _ in lengths) + max(target for _, target in lengths))


def _sort_keys(pairs: Sequence[tuple[int, int]]) -> list[Callable[[int], tuple[int, ...]]]:
    """Return ways to sort rows: by the whole length, by one side, and by bands of one side and then by the other."""
    return [
        lambda row: (sum(pairs[row]), pairs[row][1], row),
        lambda row: (pairs[row][1], pairs[row][0], row),
        lambda row: (pairs[row][0], pairs[row][1], row),
        lambda row: (pairs[row][1] // BAND, pairs[row][0], row),
        lambda row: (pairs[row][0] // BAND, pairs[row][1], row),
    ]


def _cut(
    order: list[int], pairs: Sequence[tuple[int, int]], tokens_per_batch: int, tokens_per_forward: int
) -> tuple[int, list[list[int]]]:
    """Return the cheapest way to cut the sorted rows into runs: its cost in padded tokens, and the runs."""
    cost, start = [0], [0]
    for end in range(1, len(order) + 1):
        source = target = 0
        choices: list[tuple[int, int]] = []
        for begin in range(end - 1, -1, -1):
            source, target = max(source, pairs[order[begin]][0]), max(target, pairs[order[begin]][1])
            size = (end - begin) * (source + target)
            if size > tokens_per_batch and choices:
                break
            choices.append((cost[begin] + size + tokens_per_forward, begin))
        best_cost, best_begin = min(choices)
        cost.append(best_cost)
        start.append(best_begin)
    groups, end = [], len(order)
    while end:
        groups.append(order[start[end] : end])
        end = start[end]
    return cost[-1], groups
