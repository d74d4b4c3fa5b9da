"""Chains of thought: several answers are put to the vote, and wrong ones are handled by rule."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

from distillrun.generation.shared.ability import MayHaveOwnTeacher, must_serve
from distillrun.generation.shared.chain import Chain, Fate, chain_of, leaks_of, refused
from distillrun.generation.shared.few_shot import FewShotPrompt, chat, failures_of, question_and_answer
from distillrun.generation.shared.voting import Vote, Weights, plurality
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import (
    WRONG_DECODES,
    Answer,
    Example,
    Failure,
    FreeAnswer,
    Prompt,
    Rationale,
    Request,
    Sampling,
    TeacherRecord,
    alike_key,
    gold,
)
from distillrun.text.template import Template

STEP = "chain_of_thought"
UNUSED: tuple[Fate, ...] = ("unparsed", "leaks the hint", "no reasoning")
"""Fates that are noted as failures, one for each chain, besides completions that could not be used at all."""


@dataclass(frozen=True)
class ChainOfThought(MayHaveOwnTeacher):
    """Chains of thought that end in the right answer, kept as initial rationales.

    The answer is that of the vote over all samples of a question. There is no vote where the teacher got the right
    one. Where the right answer is not known, the voted one stands for it. A chain's conclusion is taken
    off: objectives write the answer themselves. Of several chains with the same text one is kept.

    Args:
        prompt: its `ask` has the field {question}.
        answer_given: ask with `given_ask` at once.
        given_ask: fields {question}, {answer} and {hinted}, the question in which `hint` marks the right choice.
        hint: see above.
        wrong: what becomes of wrong chains. drop: nothing. keep: they are stored as what they are, counterfactual
            rationales for the choice that they end in. rationalise: nothing, but a question without a right chain is
            asked again with `given_ask`, and what then ends in the right answer is kept.
        leaks: regular expressions; a chain that was asked for with `given_ask` and matches one, or repeats the hint
            itself, tells of the hint and is dropped.
        keep_all: keep every right chain of a question, not the first alone.
        weights: of the votes, see `plurality`.
        sampling: how to draw; `samples` chains for each question.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: Wei et al. 2022, https://arxiv.org/abs/2201.11903; self-consistency, https://arxiv.org/abs/2203.11171;
    rationalisation with a hint: STaR, https://arxiv.org/abs/2203.14465, section 3.2.
    """

    prompt: FewShotPrompt
    answer_given: bool
    given_ask: str
    hint: str
    wrong: Literal["drop", "keep", "rationalise"]
    leaks: tuple[str, ...]
    keep_all: bool
    weights: Weights
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    MEANING: ClassVar[int] = 2  # what was cut off inside an answer has no vote

    needs = frozenset[str]()

    def __post_init__(self) -> None:
        _ = self._ask, self._given, self._leak
        must_serve(self.teacher, self.abilities)
        if self.sampling.samples > 1 and self.sampling.temperature == 0:
            raise ValueError(
                f"sampling.samples={self.sampling.samples} with sampling.temperature=0 would be the same chain again "
                "and again; set a temperature above 0, such as 0.7"
            )
        untold = dict.fromkeys(("question", "answer", "hinted"), "")
        told = untold | {"answer": "?", "hinted": self.hint.strip()}
        needs_hint = self.answer_given or self.wrong == "rationalise"
        if needs_hint and self._given.render(told) == self._given.render(untold):
            raise ValueError(
                f"given_ask={self.given_ask!r} with hint={self.hint!r} does not tell the right answer; put {{answer}} "
                'into it, or {hinted} and a hint such as " (CORRECT)"'
            )

    @property
    def told_answers(self) -> bool:
        return self.answer_given

    @property
    def makes(self) -> frozenset[str]:
        made = {"initial"} if self.answer_given else {"initial", "answers"}
        if self.wrong != "keep":
            return frozenset(made)
        return frozenset(made | {"counterfactual"} | (set() if self.answer_given else {WRONG_DECODES}))

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question"}, "prompt.ask")

    @cached_property
    def _given(self) -> Template:
        return Template(self.given_ask, {"question", "answer", "hinted"}, "given_ask")

    @cached_property
    def _leak(self) -> re.Pattern[str]:
        return leaks_of(self.leaks, self.hint)

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        chains = self._chains(examples, self.answer_given, context)
        second: dict[str, tuple[Chain, ...]] = {}
        if self.wrong == "rationalise" and not self.answer_given:
            missed = [one for one in examples if one.answer is not None and not self._hit(one, chains[one.id])]
            second = self._chains(missed, True, context)
        for example in examples:
            yield self._record(example, chains[example.id], second.get(example.id, ()))

    def _chains(
        self, examples: Sequence[Example], given: bool, context: GenerationContext
    ) -> dict[str, tuple[Chain, ...]]:
        """Return the chains of each question, by its id, asked with or without the answer."""
        prompts = [self._prompt(example, given, context.task) for example in examples]
        answers = context.complete(prompts, self.sampling, self.teacher, refused)
        origin: Literal["forward", "hinted"] = "hinted" if given else "forward"
        return {
            example.id: tuple(chain_of(made, example, origin, context.task) for made in completions)
            for example, completions in zip(examples, answers, strict=True)
        }

    def _hit(self, example: Example, chains: Sequence[Chain]) -> bool:
        return any(chain.fate(example, example.answer, self._leak) == "right" for chain in chains)

    def _record(self, example: Example, chains: Sequence[Chain], second: Sequence[Chain]) -> TeacherRecord:
        answer, agreement = self._vote(chains) or (None, None)
        target = answer if example.answer is None else example.answer
        fates = [(chain, chain.fate(example, target, self._leak)) for chain in (*chains, *second)]
        right = [chain.rationale(target, "factual") for chain, fate in fates if fate == "right" and target is not None]
        kept = right if self.keep_all else right[:1]
        if self.wrong == "keep":
            kept += [
                chain.rationale(chain.choice, "counterfactual")
                for chain, fate in fates
                if fate == "wrong" and chain.choice is not None and chain.text
            ]
        failures = failures_of(STEP, [chain.completion for chain, _ in fates])
        failures += tuple(Failure(STEP, fate, chain.completion.text[:200]) for chain, fate in fates if fate in UNUSED)
        if not right:
            failures += (Failure(STEP, "no right chain", chains[-1].completion.text[:200]),)
        distinct: dict[tuple[int | str, str], Rationale] = {}
        for rationale in kept:
            distinct.setdefault((alike_key(rationale.supports), rationale.text), rationale)
        trace = {f"{STEP}/distinct": str(len({chain.completion.text for chain in chains}))}
        return TeacherRecord(example.id, tuple(distinct.values()), trace, answer, agreement, failures=failures)

    def _vote(self, chains: Sequence[Chain]) -> tuple[Answer, float] | None:
        """Return the plurality of the chains that were not given the answer."""
        made = [(chain.choice, chain.completion) for chain in chains if chain.origin == "forward"]
        votes = [Vote(choice, one.log_prob, one.completion_tokens - one.discarded_tokens) for choice, one in made]
        return plurality(votes, self.weights)

    def _prompt(self, example: Example, given: bool, task: Task) -> Prompt:
        def asked(one: Example) -> str:
            return self._asked_with_answer(one, task) if given else self._ask.render({"question": task.question(one)})

        turns = [(asked(shown.example), reply) for shown, reply in self.prompt.shown(example, task)]
        messages = chat(self.prompt.instruction, turns, asked(example))
        return Prompt(messages, Request("answer", example, gold(example) if given else None))

    def _asked_with_answer(self, example: Example, task: Task) -> str:
        right, choices = gold(example), example.choices
        if isinstance(right, FreeAnswer):
            hinted = f"{task.question(example)}\n{right.text}{self.hint}"
        else:
            marked = (*choices[:right], choices[right] + self.hint, *choices[right + 1 :])
            hinted = task.question(replace(example, choices=marked))
        return self._given.render(question_and_answer(example, right, task) | {"hinted": hinted})
