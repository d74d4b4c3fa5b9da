"""Requests that go out in batches, each one reserved before."""

from collections.abc import Iterator, Sequence

from distillrun.interfaces import Account, Reservation


def reserved_parts(
    rows: Sequence[int], costs: Sequence[tuple[int, int]], account: Account
) -> Iterator[list[tuple[int, Reservation]]]:
    """Yield the rows in parts for which everything is reserved; ends early where nothing more can be.

    Between two parts the caller does the work of the first one and settles it, which may free what the next one needs.

    Args:
        rows: in their order.
        costs: greatest prompt and completion tokens, by row.
        account: what to reserve from.
    """
    left = list(rows)
    while left:
        part: list[tuple[int, Reservation]] = []
        while left and (reservation := account.reserve(*costs[left[0]])) is not None:
            part.append((left.pop(0), reservation))
        if not part:
            return
        yield part
