"""Rationales for and against choices, made from the base: true ones, flawed drafts of them, counterfactual ones."""

from collections.abc import Sequence
from random import Random

from distillrun.everyday.base import KIND_RELATION, Base, Fact
from distillrun.everyday.wording import Wording, sentence


class Arguer:
    """Arguments from a base of facts, in few words and regular sentences, for small students to learn from."""

    def __init__(self, base: Base, wording: Wording) -> None:
        self._base = base
        self._wording = wording

    def membership(self, thing: str) -> str:
        """Return the clause that says of what kind a thing is."""
        return self._wording.clause(thing, KIND_RELATION, self._base.kind_of[thing])

    def claim(self, fact: Fact, value: str) -> str:
        """Return the clause that a value holds for the fact's thing, be it true or not."""
        return self._wording.clause(fact.thing, fact.relation, value)

    def rationale(self, fact: Fact, random: Random) -> str:
        """Return a true rationale: of what kind the thing is, and what holds for it or for the whole kind."""
        kind = self._base.kind_of[fact.thing]
        member = self.membership(fact.thing)
        if fact.relation == KIND_RELATION:
            relation, value = random.choice(sorted(self._base.kinds[kind].facts.items()))
            ground = self._wording.clause(kind, relation, value)
        elif fact.by_kind:
            ground = self._wording.clause(kind, fact.relation, fact.value)
        else:
            ground = self.claim(fact, fact.value)
        first, second = random.choice([(member, ground), (member, ground), (ground, member)])
        return random.choice([sentence(first, second), f"{sentence(first)} {sentence(second)}"])

    def counterfactual(self, fact: Fact, wrong: str, random: Random) -> str:
        """Return a rationale that argues for a wrong value by likening the thing to something that has it."""
        bearer = self._base.bearer(fact.relation, wrong)
        thing, other = self._wording.named(fact.thing), self._wording.named(bearer)
        ground = self._wording.clause(bearer, fact.relation, wrong)
        likeness = random.choice([f"{thing} is like {other}", f"{thing} is much the same as {other}"])
        first, second = random.choice([(likeness, ground), (ground, likeness)])
        return random.choice([sentence(first, second), f"{sentence(first)} {sentence(second)}"])

    def why_not(self, fact: Fact, others: Sequence[str]) -> str:
        """Return a sentence that says why other values fail: they belong to something else."""
        owners = [self._base.bearer(fact.relation, value) for value in others]
        clauses = [
            self._wording.clause(owner, fact.relation, value) for owner, value in zip(owners, others, strict=True)
        ]
        return sentence(f"{', '.join(clauses)}, but none of this holds for {self._wording.named(fact.thing)}")

    def flawed_draft(self, fact: Fact, others: Sequence[str], random: Random) -> str:
        """Return a draft that names the answer and has one real flaw, drawn from five."""
        thing, claim = self._wording.named(fact.thing), self.claim(fact, fact.value)
        drafts = [
            f"The answer is {fact.value}, because {fact.value} is the right answer.",
            sentence(f"{thing} somehow has to do with it, so the answer is {fact.value}"),
            f"{self.rationale(fact, random)} {sentence(self.claim(fact, random.choice(others)))}",
            f"{sentence(claim)} {sentence(claim)}",
        ]
        if fact.relation != KIND_RELATION:
            drafts.append(sentence(claim))
        return random.choice(drafts)
