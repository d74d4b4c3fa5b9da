"""Which texts are nearly the same: by the words that stand side by side in them."""

import re
from collections import defaultdict
from collections.abc import Iterable

_WORD = re.compile(r"\w+")


class NearDuplicates:
    """Knows texts by their word n-grams, and finds the one that a new text comes nearest to.

    The overlap of two texts is the Jaccard index of their sets of n-grams, in [0, 1]; case and punctuation do not
    count. A text of fewer than n words is one n-gram by itself. An index from n-grams to texts makes a look-up cost as
    much as there are texts that share one.
    """

    def __init__(self, n: int, texts: Iterable[str] = ()) -> None:
        self._n = n
        self._sizes: list[int] = []
        self._holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Know a text from now on."""
        grams = self._grams(text)
        for gram in grams:
            self._holders[gram].append(len(self._sizes))
        self._sizes.append(len(grams))

    def overlap(self, text: str) -> float:
        """Return the greatest overlap of a text with a known one; 0 where none is known."""
        grams = self._grams(text)
        shared: defaultdict[int, int] = defaultdict(int)
        for gram in grams:
            for place in self._holders.get(gram, ()):
                shared[place] += 1
        return max((count / (len(grams) + self._sizes[place] - count) for place, count in shared.items()), default=0.0)

    def _grams(self, text: str) -> set[tuple[str, ...]]:
        words = _WORD.findall(text.casefold())
        if len(words) < self._n:
            return {tuple(words)} if words else set()
        return {tuple(words[begin : begin + self._n]) for begin in range(len(words) - self._n + 1)}
