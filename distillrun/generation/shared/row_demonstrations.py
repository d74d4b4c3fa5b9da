"""Demonstrations that are rows of one's own task instead of written ones: drawn by a seed, none of them held out."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from distillrun.generation.shared.few_shot import Demonstration, FewShotPrompt
from distillrun.records import SolvedExample, alike_key, answer_text, gold
from distillrun.text.repeats import asked

UNSHOWN = ("critique", "revision")
"""Fields of a reply that no row has."""


def with_rows(prompt: FewShotPrompt, solved: Sequence[SolvedExample]) -> FewShotPrompt:
    """Return a prompt that shows the first of some rows: one more than it shows, since none is shown before itself.

    Of a prompt whose reply shows a rationale, these are the first rows that have one.
    """
    fit = [one for one in solved if one.rationale.strip() or not prompt.shows("rationale")]
    shown = tuple(_demonstration(one) for one in fit[: prompt.demos + 1])
    return replace(prompt, demos=min(prompt.demos, len(shown)), demonstrations=shown)


def drawn(solved: Iterable[SolvedExample], held_out: Iterable[str], seed: int) -> list[SolvedExample]:
    """Return rows in the order in which they are shown, each question once.

    Answers take turns, in an order drawn by the seed, so that few demonstrations show many labels; among the rows of an
    answer a digest of seed and id decides, so that the order of the files does not.

    Args:
        solved: rows with their right answers.
        held_out: what the questions of dev and test ask, see `asked`: a row that asks the same is left out.
        seed: of the generation.
    """
    ranked = sorted(solved, key=lambda one: _rank(seed, one.example.id))
    seen = set(held_out)
    rows: dict[int | str, list[SolvedExample]] = {}
    for one in ranked:
        if (key := asked(one.example)) not in seen:
            rows.setdefault(alike_key(gold(one.example)), []).append(one)
        seen.add(key)
    turns = [rows[answer] for answer in sorted(rows, key=lambda answer: _rank(seed, f"answer {answer}"))]
    return [one for one in chain.from_iterable(zip_longest(*turns)) if one is not None]


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:demonstrations:{name}".encode()).digest()


def _demonstration(one: SolvedExample) -> Demonstration:
    example = one.example
    return Demonstration(example.question, example.choices, answer_text(example, gold(example)), one.rationale.strip())
