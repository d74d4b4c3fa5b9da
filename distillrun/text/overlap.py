"""The overlap audit: questions of dev and test that stand in another split, too, word for word or nearly."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from distillrun.records import Example, Split
from distillrun.text.near_duplicates import nearly_in
from distillrun.text.repeats import ALSO_IN, asked

EQUAL_ALONE = 1.0
"""The threshold from which on only equal questions overlap."""
SHORTEST = 20
"""Characters of a question that is looked for in longer texts; a shorter one may stand there by chance."""

Pair = tuple[Split, Split]
"""A split, and another in which its questions should not stand."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """The ids of the questions of a split that stand in another one: equal ones, and others that are nearly so."""

    equal: Mapping[Pair, frozenset[str]]
    near: Mapping[Pair, frozenset[str]]
    counts: Mapping[Split, int]

    def touched(self, split: Split) -> frozenset[str]:
        """Return the questions of a split that stand in another one, word for word or nearly."""
        found = [ids for kind in (self.equal, self.near) for (own, _), ids in kind.items() if own == split]
        return frozenset().union(*found)

    def near_counts(self) -> dict[Split, dict[str, int]]:
        """Return, of each split, how many of its questions are nearly the same as one of another split."""
        counts: dict[Split, dict[str, int]] = {}
        for (split, other), ids in self.near.items():
            counts.setdefault(split, {})[f"nearly in {other}"] = len(ids)
        return counts

    def told(self) -> list[str]:
        """Return a sentence for each pair of splits with questions that are nearly the same."""
        return [
            f"{len(ids)} of {self.counts[split]} {split} questions are nearly the same as one of {other}"
            for (split, other), ids in self.near.items()
            if ids
        ]


def overlap_of(examples: Mapping[Split, Sequence[Example]], threshold: float) -> Overlap:
    """Return the overlap of splits.

    Args:
        examples: of each split.
        threshold: the likeness from which on two questions are nearly the same, see `nearly_in`; 1 = equal ones alone.
    """
    equal: dict[Pair, frozenset[str]] = {}
    near: dict[Pair, frozenset[str]] = {}
    told = {split: tuple(map(asked, rows)) for split, rows in examples.items()}
    texts = _compared(examples)
    for split, other in pairs_of(examples):
        known = set(told[other])
        same = {one.id for one, text in zip(examples[split], told[split], strict=True) if text in known}
        found = nearly_in(texts[split], texts[other], threshold)
        alike = {one.id for one, place in zip(examples[split], found, strict=True) if place is not None}
        equal[split, other], near[split, other] = frozenset(same), frozenset(alike - same)
    return Overlap(equal, near, {split: len(rows) for split, rows in examples.items()})


def pairs_of(splits: Iterable[Split]) -> Iterator[Pair]:
    """Yield each split with each other one in which its questions should not stand, those of test first."""
    known = set(splits)
    yield from ((split, other) for split in ("test", "dev") for other in ALSO_IN[split] if {split, other} <= known)


def without_near(rows: Sequence[Example], elsewhere: Sequence[Example], threshold: float) -> list[Example]:
    """Return the examples that are not nearly the same as one elsewhere."""
    texts = _compared({"train": rows, "test": elsewhere})
    found = nearly_in(texts["train"], texts["test"], threshold)
    return [one for one, place in zip(rows, found, strict=True) if place is None]


def questions_in(texts: Iterable[str], examples: Sequence[Example]) -> frozenset[str]:
    """Return the ids of the questions that stand word for word in one of some longer texts; case does not count."""
    known: dict[str, list[tuple[str, str]]] = {}
    for example in examples:
        question = _plain(example.question)
        if len(question) >= SHORTEST:
            known.setdefault(question[:SHORTEST], []).append((question, example.id))
    found = set()
    for text in map(_plain, texts):
        begins = {text[start : start + SHORTEST] for start in range(len(text) - SHORTEST + 1)}
        found |= {name for start in begins & known.keys() for question, name in known[start] if question in text}
    return frozenset(found)


def _compared(examples: Mapping[Split, Sequence[Example]]) -> dict[Split, tuple[str, ...]]:
    """Return what is compared of each question: its choices, too, unless all questions have the same."""
    are_same = len({example.choices for rows in examples.values() for example in rows}) <= 1
    return {
        split: tuple(asked(example).partition("\n")[0] if are_same else asked(example) for example in rows)
        for split, rows in examples.items()
    }


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
