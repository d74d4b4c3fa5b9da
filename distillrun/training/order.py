"""The order of training examples: pure functions of the seed and the step, so that resuming needs no state."""

import hashlib
import re
from dataclasses import replace
from functools import lru_cache

import numpy as np

from distillrun.records import Example, TeacherRecord

_LETTER = re.compile(r"\([a-zA-Z]\)|\b(?:option|choice)s? [A-Za-z]\b", re.IGNORECASE)


def derive(seed: int, *parts: object) -> int:
    """Return a 63-bit seed that depends on all parts, the same on every machine and in every process."""
    text = "\x1f".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@lru_cache(maxsize=2)
def _permutation(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(count)


def examples_of_step(count: int, seed: int, size: int, step: int) -> list[tuple[int, int]]:
    """Return (epoch, index) of each example of one optimizer step.

    An epoch is a permutation seeded by (seed, epoch), so step k is a pure function of (seed, k) and a resumed run sees
    what the uninterrupted one would have seen. A step may span two epochs: nothing is dropped.

    Args:
        count: number of training examples, > 0.
        seed: the training seed.
        size: examples per step.
        step: counted from 0.
    """
    places = (divmod(place, count) for place in range(step * size, (step + 1) * size))
    return [(epoch, int(_permutation(count, seed, epoch)[within])) for epoch, within in places]


def names_letters(record: TeacherRecord) -> bool:
    """Return whether a rationale speaks of choices by their letters."""
    return any(_LETTER.search(rationale.text) for rationale in record.rationales)


def shuffle_choices(
    example: Example, record: TeacherRecord | None, seed: int, epoch: int
) -> tuple[Example, TeacherRecord | None]:
    """Return the example with its choices in a fresh order, and its record with the indices that follow.

    The record comes without the teacher's own answer, from which nothing is learnt. Where a rationale names a letter,
    such as "(b)", the order stays: the letter would then mean another choice.
    """
    if record is not None and names_letters(record):
        return example, record
    order = np.random.default_rng(derive(seed, "choices", epoch, example.id)).permutation(len(example.choices)).tolist()
    place = {old: new for new, old in enumerate(order)}
    answer = None if example.answer is None else place[example.answer]
    shuffled = replace(example, choices=tuple(example.choices[old] for old in order), answer=answer)
    if record is None:
        return shuffled, None
    rationales = tuple(replace(rationale, supports=place[rationale.supports]) for rationale in record.rationales)
    log_probs = record.choice_log_probs
    return shuffled, replace(
        record,
        rationales=rationales,
        answer=None,
        agreement=None,
        choice_log_probs=None if log_probs is None else tuple(log_probs[old] for old in order),
    )
