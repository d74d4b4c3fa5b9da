"""A teacher without a model: it answers questions of task=everyday from the base that they are made of."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from distillrun.errors import ConfigError
from distillrun.everyday.base import Fact, read_base
from distillrun.everyday.critique import Critic, unnamed
from distillrun.everyday.inventing import invented, invented_piece, known_fact
from distillrun.everyday.rating import SPOKEN, Rater, spoken
from distillrun.everyday.rationale import Arguer
from distillrun.everyday.reasoning import Reasoner
from distillrun.everyday.wording import read_wording
from distillrun.interfaces import Account, Task
from distillrun.records import (
    Budget,
    Completion,
    Draw,
    Example,
    Json,
    Price,
    Prompt,
    Request,
    Sampling,
    ScoredContinuation,
    answer_text,
    gold,
    place,
)

VERSION = 1
"""Raised by hand when the same request gets another text."""


class Scripted:
    """An offline writer of rationales, critiques and revisions; equal requests and sampling seeds give equal texts.

    Asked to argue for the choice that is true, it gives a true rationale; for any other, a counterfactual one. It
    reads the request, not the prompt's text. Its tokens are words. At temperature 0 all samples of a prompt are equal.
    As a judge it counts flaws.

    Args:
        flawed_share: share of the first drafts that have a real flaw besides saying nothing of the other choices.
        mistaken_share: share of its own answers that are wrong, where it is not given the right one.
        price_per_million: what its words are taken to cost, for trying a budget out.
        budget: the most that may be asked.
    """

    name = "scripted"
    can = frozenset({"complete", "score", "contrast"})

    def __init__(self, flawed_share: float, mistaken_share: float, price_per_million: Price, budget: Budget) -> None:
        self.price_per_million = price_per_million
        self.budget = budget
        for name, share in (("flawed_share", flawed_share), ("mistaken_share", mistaken_share)):
            if not 0 <= share <= 1:
                raise ConfigError(f"teacher.{name}={share} must lie between 0 and 1")
        self._flawed_share = flawed_share
        self._mistaken_share = mistaken_share
        self._base = read_base()
        self._wording = read_wording()
        self._arguer = Arguer(self._base, self._wording)
        self._critic = Critic(self._base, self._arguer)
        self._reasoner = Reasoner(self._base, self._arguer, self._critic, mistaken_share)
        self._rater = Rater(self._critic)

    def check(self, task: Task) -> list[str]:
        if task.source().get("name") == "everyday":
            return []
        try:
            asked = [*task.examples("train"), *task.examples("test")]
        except ConfigError:
            return []  # the task reports what is wrong with it
        stranger = next((example for example in asked if known_fact(example, self._base) is None), None)
        if stranger is None:  # everyday's questions in a user's files
            return []
        return [
            f"teacher=scripted knows the facts of task=everyday only, not {stranger.question!r:.60} of the task "
            f"{type(task).__name__}; choose task=everyday, or teacher=recorded teacher.folder=DIR generation=recorded"
        ]

    def identity(self) -> Mapping[str, Json]:
        return {
            "name": "scripted",
            "version": VERSION,
            "flawed_share": self._flawed_share,
            "mistaken_share": self._mistaken_share,
            "facts": self._base.digest,
            "wording": self._wording.digest,
        }

    def prompt_tokens(self, prompt: Prompt) -> int:
        return sum(len(message.content.split()) for message in prompt.messages)

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        for index, draw in enumerate(draws):
            words = self.prompt_tokens(draw.prompt)
            reservation = account.reserve(words, sampling.max_new_tokens)
            if reservation is None:
                return
            sample = draw.sample if sampling.temperature > 0 else 0
            made = _completion(self._write(draw.prompt.request, f"{draw.seed}/{sample}"), words, sampling)
            reservation.settle(words, made.completion_tokens)
            yield index, made

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        """Score choices, or rationales for one; after a prompt without the question, all texts are equally likely."""
        for index, (prompt, texts) in enumerate(zip(prompts, continuations, strict=True)):
            words = self.prompt_tokens(prompt)
            reservation = account.reserve(words, 0)
            if reservation is None:
                return
            reservation.settle(words, 0)
            yield index, self._scores(prompt, texts)

    def release(self) -> None:
        """Do nothing: nothing is held but the base."""

    def _scores(self, prompt: Prompt, texts: Sequence[str]) -> tuple[ScoredContinuation, ...]:
        request, example = prompt.request, prompt.request.example
        fact = self._fact(example)
        if request.choice is not None:
            return tuple(self._reasoner.text_score(fact, example, place(request.choice), text) for text in texts)
        if not any(example.question in message.content for message in prompt.messages):
            return tuple(ScoredContinuation(-math.log(len(texts)), 1) for _ in texts)
        return self._reasoner.choice_scores(fact, example, len(texts))

    def _fact(self, example: Example) -> Fact:
        fact = known_fact(example, self._base)
        if fact is None:
            raise ValueError(f"example {example.id!r} is not of task=everyday; choose another teacher")
        return fact

    def _write(self, request: Request, seed: str) -> str:
        if request.ask in SPOKEN:
            return spoken(request)
        fact, example = self._fact(request.example), request.example
        random = Random(f"{seed}/{request.ask}/{request.choice}/{example.id}")
        if request.ask == "answer":
            told = None if request.choice is None else answer_text(example, request.choice)
            return self._reasoner.chain(fact, example.choices, told, random)
        if request.ask == "question":
            if request.draft is not None:
                return invented_piece(fact, example, request.draft, self._base, self._wording, random)
            return invented(fact, example, self._base, self._wording, random)
        if request.ask == "categories":
            return json.dumps([relation.replace("_", " ") for relation in self._base.values])
        if request.ask == "rating":
            return json.dumps(self._rater.ratings(fact, request))
        value = answer_text(example, gold(example) if request.choice is None else request.choice)
        others = [other for other in example.choices if other != value]
        if request.ask == "rationale":
            return self._draft(fact, value, others, random)
        draft = request.draft or ""
        if request.ask == "judgement":
            return self._reasoner.judgement(fact, value, others, draft)
        if request.ask == "critique":
            return self._critic.critique(fact, value, others, draft)
        return self._revise(fact, value, others, draft, random)

    def _draft(self, fact: Fact, value: str, others: Sequence[str], random: Random) -> str:
        if value == fact.value and random.random() < self._flawed_share:
            return self._arguer.flawed_draft(fact, others, random)
        return self._argue(fact, value, random)

    def _argue(self, fact: Fact, value: str, random: Random) -> str:
        if value == fact.value:
            return self._arguer.rationale(fact, random)
        return self._arguer.counterfactual(fact, value, random)

    def _revise(self, fact: Fact, value: str, others: Sequence[str], draft: str, random: Random) -> str:
        """Keep a draft that has no flaw of its own, else argue again; then say why the others fail."""
        sound = draft if not self._critic.flaws(fact, value, others, draft) else self._argue(fact, value, random)
        return f"{sound} {self._arguer.why_not(fact, others)}" if unnamed(others, sound) else sound


def _completion(text: str, prompt_words: int, sampling: Sampling) -> Completion:
    """Return a text as a completion: cut at the first stop text, and after `max_new_tokens` words."""
    for stop in sampling.stop:
        text = text.split(stop)[0]
    words = text.split()
    if len(words) > sampling.max_new_tokens:
        kept = words[: sampling.max_new_tokens]
        return Completion(" ".join(kept), "length", prompt_words, len(kept), teacher=Scripted.name)
    return Completion(text, "stop", prompt_words, len(words), teacher=Scripted.name)
