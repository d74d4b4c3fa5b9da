"""Which texts are nearly the same: by the words that stand side by side in them."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable

_WORD = re.compile(r"\w+")

Gram = tuple[str, ...]


class NearDuplicates:
    """Knows texts by their word n-grams, and says which of them a new text is nearly the same as.

    The overlap of two texts is the Jaccard index of their sets of n-grams, in [0, 1]; case and punctuation do not
    count. A text of fewer than n words is one n-gram by itself; one without words is like no other.

    Args:
        n: words side by side.
        max_overlap: texts that overlap more are near-duplicates.
    """

    def __init__(self, n: int, max_overlap: float) -> None:
        self._n = n
        self._max_overlap = max_overlap
        self._known: list[tuple[frozenset[Gram], str]] = []
        self._holders: defaultdict[Gram, list[int]] = defaultdict(list)

    def add(self, texts: Iterable[str], group: str) -> None:
        """Know texts from now on, as members of a group."""
        for text in texts:
            grams = self._grams(text)
            for gram in grams:
                self._holders[gram].append(len(self._known))
            self._known.append((grams, group))

    def group_of(self, text: str) -> str | None:
        """Return the group of the known text that this one is nearly the same as: of several, the one added first.

        Of two sets with a Jaccard index above t, at least t times the elements of the first are shared, so any
        (1 - t) n + 1 of its n elements hold a shared one. The rarest are looked up, which few texts have.
        """
        grams = self._grams(text)
        enough = len(grams) - math.ceil(self._max_overlap * len(grams)) + 1
        rarest = sorted(grams, key=lambda gram: (len(self._holders.get(gram, ())), gram))[:enough]
        candidates = {place for gram in rarest for place in self._holders.get(gram, ())}
        near = [place for place in candidates if self._overlap(grams, self._known[place][0]) > self._max_overlap]
        return self._known[min(near)][1] if near else None

    def _overlap(self, one: frozenset[Gram], other: frozenset[Gram]) -> float:
        return len(one & other) / len(one | other)

    def _grams(self, text: str) -> frozenset[Gram]:
        words = _WORD.findall(text.casefold())
        if len(words) < self._n:
            return frozenset({tuple(words)} if words else ())
        return frozenset(tuple(words[begin : begin + self._n]) for begin in range(len(words) - self._n + 1))
