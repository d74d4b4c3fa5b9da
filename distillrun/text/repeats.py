"""Repeated questions: within a split, or in both a test and a training split."""

import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from distillrun.records import Example, Split, answer_text, gold, is_answered, reading, readings

REPEATED = "repeated"
ALSO_IN: Mapping[Split, tuple[Split, ...]] = {"train": (), "dev": ("train",), "test": ("train", "dev")}
"""Of each split, the splits in which none of its questions should stand."""


def asked(example: Example) -> str:
    """Return what a question asks, for comparison: its words and its choices; order, case and spacing do not count."""
    text = " ".join(unicodedata.normalize("NFKC", example.question).casefold().split())
    return "\n".join([text.strip(string.punctuation + " ") or text, *sorted(readings(example.choices))])


def repeats(examples: Mapping[Split, Sequence[Example]]) -> dict[Split, dict[str, int]]:
    """Return, of each split, how many of its questions stood in it before, and how many stand in other splits, too."""
    known = {split: set(map(asked, rows)) for split, rows in examples.items()}
    return {
        split: {
            REPEATED: len(rows) - len(known[split]),
            **{f"also in {other}": sum(asked(one) in known[other] for one in rows) for other in ALSO_IN[split]},
        }
        for split, rows in examples.items()
    }


def told(examples: Mapping[Split, Sequence[Example]]) -> list[str]:
    """Return a sentence for each kind of repetition, those that invalidate a test first."""
    found = repeats(examples)
    lines = [
        f"{count} of {len(examples[split])} {split} questions are also in {other}"
        for split in ("test", "dev")
        for other in ALSO_IN[split]
        if (count := found[split][f"also in {other}"])
    ]
    lines += [
        f"{count} of {len(examples[split])} {split} questions repeat an earlier one of {split}"
        for split, counts in found.items()
        if (count := counts[REPEATED])
    ]
    if differing := contradictions([one for rows in examples.values() for one in rows]):
        first, other = differing[0]
        lines.append(
            f"{len(differing)} questions repeat an earlier one with another right answer, such as {first.id} "
            f"({_right(first)!r}) and {other.id} ({_right(other)!r})"
        )
    return lines


def contradictions(examples: Iterable[Example]) -> list[tuple[Example, Example]]:
    """Return the questions that were asked before with another right answer, each after the first of its question."""
    first: dict[str, Example] = {}
    found = []
    for example in examples:
        if is_answered(example):
            before = first.setdefault(asked(example), example)
            if reading(_right(before)) != reading(_right(example)):
                found.append((before, example))
    return found


def _right(example: Example) -> str:
    """Return the right answer or, where there are several, all of them."""
    if example.answers is not None:
        return ", ".join(sorted(example.choices[place] for place in example.answers)) or "none"
    return answer_text(example, gold(example))


def without_repeats(rows: Iterable[Example], elsewhere: Iterable[Example]) -> list[Example]:
    """Return the examples whose question stands neither elsewhere nor earlier among them."""
    known = set(map(asked, elsewhere))
    kept = []
    for example in rows:
        key = asked(example)
        if key not in known:
            kept.append(example)
        known.add(key)
    return kept
