"""The benchmark: every question, split so that test asks what training did not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal

from distillrun.everyday.base import KIND_RELATION, Base, Fact
from distillrun.everyday.choices import draw_choices
from distillrun.everyday.wording import Wording
from distillrun.records import Example, Split

Group = Literal["seen", "unseen"]

TRAIN_PHRASINGS = 3
"""In how many phrasings training asks each of its facts."""

SIZES: dict[tuple[Split, Group], int] = {
    ("dev", "seen"): 150,
    ("dev", "unseen"): 100,
    ("test", "seen"): 450,
    ("test", "unseen"): 300,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A fact asked in one phrasing."""

    fact: Fact
    phrasing: int
    split: Split
    group: Group | None


def make_examples(base: Base, wording: Wording, seed: int) -> dict[Split, list[Example]]:
    """Return the examples of every split; the same seed gives the same examples.

    Test and dev hold, in the group "seen", facts that training asks in other phrasings, and in the group "unseen",
    facts that training never asks and that follow from what its rationales say: this is of that kind, and that kind
    has it. No fact is in both dev and test.
    """
    random = Random(seed)
    asked = list(_ask(base, wording, random))
    splits: dict[Split, list[Example]] = {"train": [], "dev": [], "test": []}
    for split, examples in splits.items():
        chosen = [one for one in asked if one.split == split]
        random.shuffle(chosen)
        drawn = draw_choices([one.fact for one in chosen], base, random)
        for one, (choices, answer) in zip(chosen, drawn, strict=True):
            question = wording.question(one.fact, one.phrasing)
            examples.append(Example(example_id(one.fact, one.phrasing), question, choices, answer, one.group))
    return splits


def example_id(fact: Fact, phrasing: int) -> str:
    """Return an id such as "everyday/guinea_pig/found_at/3"; `fact_of` reads it."""
    return f"everyday/{fact.thing.replace(' ', '_')}/{fact.relation}/{phrasing}"


def fact_of(identifier: str, base: Base) -> Fact | None:
    """Return the fact that an example asks for; None where the id is not of this benchmark."""
    match identifier.split("/"):
        case ["everyday", thing, relation, _]:
            return base.facts.get((thing.replace("_", " "), relation))
    return None


def _ask(base: Base, wording: Wording, random: Random) -> Iterator[Asked]:
    facts = list(base.facts.values())
    unseen = _pick_unseen(facts, SIZES["dev", "unseen"] + SIZES["test", "unseen"], random)
    held_out = set(unseen)
    seen = [fact for fact in facts if fact not in held_out]
    phrasings = {fact: random.sample(range(wording.phrasings(fact.relation)), TRAIN_PHRASINGS + 1) for fact in facts}
    for fact in seen:
        for phrasing in phrasings[fact][:TRAIN_PHRASINGS]:
            yield Asked(fact, phrasing, "train", None)
    random.shuffle(seen)
    pools: dict[Group, Iterator[Fact]] = {"seen": iter(seen), "unseen": iter(unseen)}
    for (split, group), size in SIZES.items():
        for fact in islice(pools[group], size):
            yield Asked(fact, phrasings[fact][TRAIN_PHRASINGS], split, group)


def _pick_unseen(facts: Sequence[Fact], count: int, random: Random) -> list[Fact]:
    """Return facts that nothing but rationales can teach.

    Of some things, training asks only what is peculiar to them, and never their kind or what holds for the whole kind.
    The rationales to those questions still say of what kind the thing is, and those to questions about other members
    say what holds for the kind.
    """
    own: dict[str, list[Fact]] = {}
    inherited: dict[str, list[Fact]] = {}
    for fact in facts:
        group = inherited if fact.by_kind or fact.relation == KIND_RELATION else own
        group.setdefault(fact.thing, []).append(fact)
    things = [thing for thing, held in own.items() if len(held) > 1 and thing in inherited]
    random.shuffle(things)
    unseen: list[Fact] = []
    for thing in things:
        if len(unseen) >= count:
            break
        unseen += inherited[thing]
    return random.sample(unseen, len(unseen))
