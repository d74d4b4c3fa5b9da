"""Near-duplicates: texts that share most of their adjacent words."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

_WORD = re.compile(r"\w+")

Gram = tuple[str, ...]


class NearDuplicates:
    """Known texts as word n-grams, in which near-duplicates of a new text are found.

    The overlap of two texts is the Jaccard index of their sets of n-grams, in [0, 1]; case and punctuation do not
    count. A text of fewer than n words is one n-gram by itself; one without words is like no other.

    Args:
        n: words side by side.
        max_overlap: texts that overlap more are near-duplicates.
    """

    def __init__(self, n: int, max_overlap: float) -> None:
        self._n = n
        self._max_overlap = max_overlap
        self._known: list[frozenset[Gram]] = []
        self._groups: list[str] = []
        self._counts: Counter[Gram] = Counter()
        self._holders: defaultdict[Gram, dict[int, list[int]]] = defaultdict(dict)  # by how many n-grams a text has

    def add(self, texts: Iterable[str], group: str) -> None:
        """Add known texts, as members of a group."""
        for text in texts:
            grams = self._grams(text)
            for gram in grams:
                self._holders[gram].setdefault(len(grams), []).append(len(self._known))
            self._counts.update(grams)
            self._known.append(grams)
            self._groups.append(group)

    def group_of(self, text: str) -> str | None:
        """Return the group of the known text that this one is nearly the same as: of several, the one added first.

        Two sets of n and m elements with a Jaccard index above t share more than t / (1 + t) (n + m) of them. So a text
        that holds none of k of the n-grams is out as soon as the other n - k are too few; the rarest, which few texts
        hold, are looked up first.
        """
        grams = self._grams(text)
        least = self._max_overlap / (1 + self._max_overlap)
        candidates = {
            place
            for missed, gram in enumerate(sorted(grams, key=lambda gram: (self._counts[gram], gram)))
            for size, places in self._holders.get(gram, {}).items()
            if len(grams) - missed + 1e-9 > least * (len(grams) + size)  # a rounding error must not lose a text
            for place in places
        }
        near = [place for place in candidates if self._overlap(grams, self._known[place]) > self._max_overlap]
        return self._groups[min(near)] if near else None

    def _overlap(self, one: frozenset[Gram], other: frozenset[Gram]) -> float:
        return len(one & other) / len(one | other)

    def _grams(self, text: str) -> frozenset[Gram]:
        words = _WORD.findall(text.casefold())
        if len(words) < self._n:
            return frozenset({tuple(words)} if words else ())
        return frozenset(tuple(words[begin : begin + self._n]) for begin in range(len(words) - self._n + 1))
