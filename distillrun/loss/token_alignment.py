"""Texts that two tokenizers cut differently: which of their tokens end at the same character."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """The tokens between two characters at which tokens of both sides end: `left` and `right` are half-open ranges.

    Before a stretch, both have read the same text. So the distributions of its first tokens can be compared, and a
    stretch as a whole is as likely as the product of its tokens.
    """

    left: tuple[int, int]
    right: tuple[int, int]


def stretches(left: Sequence[int], right: Sequence[int]) -> list[Stretch]:
    """Return the stretches of a text, the shortest that there are; they cover all tokens of both sides.

    Args:
        left, right: for each token of either side, the characters up to its end, ascending. Several tokens may end in
            the same character: it counts as reached with the last of them. Where one side is cut short, the rest of the
            other one is left out.

    >>> stretches([3, 6, 7], [6, 7])
    [Stretch(left=(0, 2), right=(0, 1)), Stretch(left=(2, 3), right=(1, 2))]
    """
    found = []
    begin, other_begin = 0, 0
    ends = {end: place for place, end in enumerate(right)}  # the last of equal ones
    for place, end in enumerate(left):
        is_last = place + 1 == len(left) or left[place + 1] != end
        if is_last and end in ends:
            found.append(Stretch((begin, place + 1), (other_begin, ends[end] + 1)))
            begin, other_begin = place + 1, ends[end] + 1
    return found
