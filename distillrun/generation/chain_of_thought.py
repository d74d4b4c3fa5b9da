"""The teacher reasons before it answers; several answers are put to the vote, and wrong ones are dealt with by rule."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from distillrun.cleaning import clean_chain
from distillrun.generation.few_shot import FewShotPrompt, chat, failures_of, question_and_answer
from distillrun.generation.voting import Vote, Weights, plurality
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import (
    Completion,
    Example,
    Failure,
    Prompt,
    Rationale,
    Request,
    Sampling,
    TeacherRecord,
    gold,
    is_right,
)
from distillrun.refusal import refusal
from distillrun.template import Template


@dataclass(frozen=True)
class Chain:
    """A completion that reasons, and the choice that it ends in; None = unparsed."""

    completion: Completion
    choice: int | None
    origin: Literal["forward", "hinted"]


@dataclass(frozen=True)
class ChainOfThought:
    """Asks for chains of thought and keeps those that end in the right answer, as initial rationales.

    The answer is that of the vote over all samples of a question. Where the right answer is not known, the chains that
    give the voted one are kept. A chain's conclusion is taken off: objectives write the answer themselves.

    Args:
        prompt: its `ask` has the field {question}.
        answer_given: ask with `given_ask` at once.
        given_ask: fields {question}, {answer} and {hinted}, the question in which `hint` marks the right choice.
        hint: see above.
        wrong: what becomes of a question without a right chain: drop leaves it without a rationale; keep stores what
            wrong chains argue for as counterfactual rationales; rationalise asks again with `given_ask`, and keeps
            what then ends in the right answer.
        leaks: regular expressions; a chain that was asked for with `given_ask` and matches one tells of the hint, and
            is dropped.
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

    needs = frozenset[str]()
    asks = frozenset({"complete"})

    def __post_init__(self) -> None:
        _ = self._ask, self._given, self._leak
        if self.sampling.samples > 1 and self.sampling.temperature == 0:
            raise ValueError(
                f"sampling.samples={self.sampling.samples} with sampling.temperature=0 would be the same chain again "
                "and again; set a temperature above 0, such as 0.7"
            )

    @property
    def makes(self) -> frozenset[str]:
        return frozenset({"initial", "answers"}) | ({"counterfactual"} if self.wrong == "keep" else set())

    @property
    def teachers(self) -> tuple[AnyTeacher, ...]:
        return () if self.teacher is None else (self.teacher,)

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question"}, "prompt.ask")

    @cached_property
    def _given(self) -> Template:
        return Template(self.given_ask, {"question", "answer", "hinted"}, "given_ask")

    @cached_property
    def _leak(self) -> re.Pattern[str]:
        try:
            return re.compile("|".join(f"(?:{leak})" for leak in self.leaks) or r"(?!)", re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"leaks={list(self.leaks)} holds no regular expression: {error}") from error

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        chains = self._chains(examples, self.answer_given, context)
        second = {}
        if self.wrong == "rationalise" and not self.answer_given:
            missed = [one for one in examples if one.answer is not None and not _right(one, chains[one.id])]
            second = self._chains(missed, True, context)
        for example in examples:
            yield self._record(example, chains[example.id], second.get(example.id, ()))

    def _chains(
        self, examples: Sequence[Example], given: bool, context: GenerationContext
    ) -> dict[str, tuple[Chain, ...]]:
        """Return the chains of each question, asked with or without the answer."""
        prompts = [self._prompt(example, given, context.task) for example in examples]
        answers = context.complete(
            prompts, self.sampling, self.teacher, lambda _, text: refusal(clean_chain(text) or text)
        )
        found = {}
        for example, completions in zip(examples, answers, strict=True):
            found[example.id] = tuple(
                Chain(
                    completion,
                    None if completion.reason else context.task.parse(completion.text, example),
                    "hinted" if given else "forward",
                )
                for completion in completions
            )
        return found

    def _record(self, example: Example, chains: Sequence[Chain], second: Sequence[Chain]) -> TeacherRecord:
        votes = [Vote(one.choice, one.completion.log_prob, one.completion.completion_tokens) for one in chains]
        voted = plurality(votes, self.weights)
        target = example.answer if example.answer is not None else (voted[0] if voted else None)
        kept: list[Chain] = []
        leaked: list[Chain] = []
        for chain in (*chains, *second):
            if target is None or not _same(example, chain.choice, target):
                continue
            (leaked if chain.origin == "hinted" and self._leak.search(chain.completion.text) else kept).append(chain)
        chosen = kept if self.keep_all else kept[:1]
        rationales = [] if target is None else [_rationale(chain, target, "factual") for chain in chosen]
        if self.wrong == "keep" and example.answer is not None:
            strays = [chain for chain in chains if chain.choice is not None and not is_right(example, chain.choice)]
            rationales += [_rationale(chain, chain.choice or 0, "counterfactual") for chain in strays]
        failures = failures_of("chain_of_thought", [chain.completion for chain in (*chains, *second)])
        failures += tuple(Failure("chain_of_thought", "leaks the hint", one.completion.text[:200]) for one in leaked)
        if not kept:
            failures += (Failure("chain_of_thought", "no right chain", chains[-1].completion.text[:200]),)
        trace = {"chain_of_thought/distinct": str(len({chain.completion.text for chain in chains}))}
        answer, agreement = voted or (None, None)
        distinct: dict[tuple[int, str], Rationale] = {}
        for rationale in rationales:
            if rationale.text:
                distinct.setdefault((rationale.supports, rationale.text), rationale)
        usable = tuple(distinct.values())
        return TeacherRecord(example.id, usable, trace, answer, agreement, failures=failures)

    def _prompt(self, example: Example, given: bool, task: Task) -> Prompt:
        def asked(one: Example) -> str:
            return self._asked_with_answer(one, task) if given else self._ask.render({"question": task.question(one)})

        turns = [(asked(shown.example), reply) for shown, reply in self.prompt.shown(example, task)]
        messages = chat(self.prompt.instruction, turns, asked(example))
        return Prompt(messages, Request("answer", example, gold(example) if given else None))

    def _asked_with_answer(self, example: Example, task: Task) -> str:
        right = gold(example)
        marked = tuple(text + self.hint if place == right else text for place, text in enumerate(example.choices))
        hinted = task.question(replace(example, choices=marked))
        return self._given.render(question_and_answer(example, right, task) | {"hinted": hinted})


def _right(example: Example, chains: Sequence[Chain]) -> bool:
    return any(is_right(example, chain.choice) for chain in chains)


def _same(example: Example, choice: int | None, target: int) -> bool:
    """Return whether two choices read alike."""
    return choice is not None and is_right(replace(example, answer=target), choice)


def _rationale(chain: Chain, supports: int, kind: Literal["factual", "counterfactual"]) -> Rationale:
    made = chain.completion
    text = clean_chain(made.text)
    return Rationale(
        text, made.text, supports, kind, "initial", chain.origin, made.teacher, made.finish_reason, made.log_prob
    )
