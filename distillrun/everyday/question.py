"""The benchmark: every question, split so that test asks what training did not."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal

from distillrun.everyday.base import KIND_RELATION, Base, Fact
from distillrun.everyday.choices import draw_choices
from distillrun.everyday.wording import Wording
from distillrun.records import Example, Split

Group = Literal["seen", "unseen"]

TRAIN_PHRASINGS = {"shared": 3, "own": 6}
"""In how many phrasings training asks a fact: what a thing shares with its kind, and what is its own."""

SIZES: dict[tuple[Split, Group], int] = {
    ("dev", "seen"): 150,
    ("dev", "unseen"): 90,
    ("test", "seen"): 400,
    ("test", "unseen"): 200,
}


@dataclass(frozen=True, slots=True)
class PhrasedFact:
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
    """Return an id such as "everyday/fire_engine/colour/3"; `fact_of` reads it."""
    return f"everyday/{fact.thing.replace(' ', '_')}/{fact.relation}/{phrasing}"


def fact_of(identifier: str, base: Base) -> Fact | None:
    """Return the fact that an example asks for; None where the id is not of this benchmark."""
    match identifier.split("/"):
        case ["everyday", thing, relation, _]:
            return base.facts.get((thing.replace("_", " "), relation))
    return None


def _ask(base: Base, wording: Wording, random: Random) -> Iterator[PhrasedFact]:
    facts = list(base.facts.values())
    unseen = _pick_unseen(base, SIZES["dev", "unseen"] + SIZES["test", "unseen"], random)
    held_out = set(unseen)
    seen = [fact for fact in facts if fact not in held_out]
    order = {fact: random.sample(range(n), n) for fact in facts if (n := wording.phrasings(fact.relation))}
    for fact in seen:
        for phrasing in order[fact][: TRAIN_PHRASINGS["shared" if _is_shared(fact) else "own"]]:
            yield PhrasedFact(fact, phrasing, "train", None)
    random.shuffle(seen)
    pools: dict[Group, Iterator[Fact]] = {"seen": iter(seen), "unseen": iter(unseen)}
    for (split, group), size in SIZES.items():
        for fact in islice(pools[group], size):
            yield PhrasedFact(fact, order[fact][-1], split, group)


def _is_shared(fact: Fact) -> bool:
    """Return whether a fact says of what kind a thing is, or holds because of its kind."""
    return fact.by_kind or fact.relation == KIND_RELATION


def _pick_unseen(base: Base, count: int, random: Random) -> list[Fact]:
    """Return facts to hold out: all that some things share with their kind, and of what kind they are.

    Training asks such a thing for its own facts alone, so that only rationales say what it is. At most a third of the
    things of a kind are chosen.
    """
    quota = {name: len(kind.things) // 3 for name, kind in base.kinds.items()}
    things = list(base.kind_of)
    random.shuffle(things)
    held_out: list[Fact] = []
    for thing in things:
        facts = [fact for fact in base.facts.values() if fact.thing == thing]
        shared = [fact for fact in facts if _is_shared(fact)]
        kind = base.kind_of[thing]
        if len(held_out) < count and quota[kind] and len(shared) < len(facts):
            held_out += shared
            quota[kind] -= 1
    random.shuffle(held_out)
    return held_out
