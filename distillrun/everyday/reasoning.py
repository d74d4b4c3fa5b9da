"""Answers of a teacher that is not given them: chains of thought, judgements, and likelihoods of texts."""

import math
from collections.abc import Sequence
from random import Random

from distillrun.everyday.base import Base, Fact
from distillrun.everyday.critique import Critic
from distillrun.everyday.rationale import Arguer
from distillrun.records import Example, ScoredContinuation

CONFIDENCE = 3.0
"""Nats by which the choice that the teacher believes in is ahead of the others, more or less."""


class Reasoner:
    """Answers from the base, except for a fraction of the questions, which it gets wrong.

    Args:
        base, arguer, critic: what it knows, how it argues, and how it judges.
        mistaken_share: of its answers, how many are wrong.
    """

    def __init__(self, base: Base, arguer: Arguer, critic: Critic, mistaken_share: float) -> None:
        self._base = base
        self._arguer = arguer
        self._critic = critic
        self._mistaken_share = mistaken_share

    def chain(self, fact: Fact, choices: Sequence[str], told: str | None, random: Random) -> str:
        """Return an argument that ends in an answer; `told` is the value that was hinted at."""
        value = told or self._believed(fact, choices, random)
        if value == fact.value:
            argument = self._arguer.rationale(fact, random)
        else:
            argument = self._arguer.counterfactual(fact, value, random)
        return f"{argument} So the answer is {value}."

    def judgement(self, fact: Fact, value: str, others: Sequence[str], draft: str) -> str:
        """Return whether a draft that argues for a value is right, wrong or uncertain, and why."""
        if not self._base.holds(fact.thing, fact.relation, value):
            return f"It is not true that {self._arguer.claim(fact, value)}. Verdict: wrong"
        flaws = self._critic.flaws(fact, value, others, draft)
        if flaws:
            return f"The explanation {flaws[0]}. Verdict: uncertain"
        return f"It is true that {self._arguer.claim(fact, value)}. Verdict: right"

    def choice_scores(self, fact: Fact, example: Example, count: int) -> tuple[ScoredContinuation, ...]:
        """Return the scores of the choices: the believed one is well ahead, and repeats of it with it."""
        random = Random(f"scores/{example.id}")
        believed = self._believed(fact, example.choices, random)
        levels = [CONFIDENCE * (text == believed) + random.random() for text in example.choices[:count]]
        total = math.log(math.fsum(math.exp(level) for level in levels))
        return tuple(ScoredContinuation(level - total, 1) for level in levels)

    def text_score(self, fact: Fact, example: Example, choice: int, text: str) -> ScoredContinuation:
        """Return the score of a rationale: the more flaws, the less likely each of its words."""
        value = example.choices[choice]
        others = [other for other in example.choices if other != value]
        words = max(1, len(text.split()))
        per_word = 1.0 + 0.2 * len(self._critic.flaws(fact, value, others, text))
        return ScoredContinuation(-per_word * words, words)

    def _believed(self, fact: Fact, choices: Sequence[str], random: Random) -> str:
        wrong = [text for text in choices if text != fact.value]
        return random.choice(wrong) if wrong and random.random() < self._mistaken_share else fact.value
