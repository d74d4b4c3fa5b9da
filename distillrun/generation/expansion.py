"""The teacher writes new questions like those of the task."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Literal

from distillrun.generation.few_shot import chat
from distillrun.generation.near_duplicate import NearDuplicates
from distillrun.generation.new_question import Rules, checked_question, read_question
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag
from distillrun.records import Completion, Example, Prompt, Request, Sampling, TeacherRecord, gold
from distillrun.refusal import unusable
from distillrun.template import Template


@dataclass(frozen=True)
class Expansion:
    """Asks for new questions until there are enough, and keeps those that pass every check.

    Checks, in this order, each counted: what the text must hold (JSON, keys, types, as many choices as there should be,
    no choice twice, the answer among them, lengths); near-duplicates of a training, dev or test question or of an
    earlier new one; and, with `verify`, the teacher's own answer to its question.

    Args:
        instruction: the system message.
        ask: what is asked after the demonstrations; field {number}, so that no two requests are alike.
        form: json asks for a whole question in one request; stepwise for question, answer and wrong choices in turn.
        steps: the three asks of the stepwise form: question, answer (field {question}), wrong (fields {question},
            {answer} and {count}; one choice a line).
        verify: what the teacher is asked to check a new question, field {question}; null = no check.
        count: how many new questions are wanted.
        max_requests: after so many candidates it ends all the same.
        demos: training questions that are shown, drawn for each request.
        choices: how many choices a question has.
        ngram: words side by side that are compared.
        max_overlap: more than this share of n-grams in common is a near-duplicate, see `NearDuplicates`.
        max_characters: of a question.
        sampling: temperature should be above 0.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: questions from demonstrations, as JSON or in steps: Sutanto et al. 2024, https://arxiv.org/abs/2412.09807,
    section 3.1; data generation in turns: GOLD, https://arxiv.org/abs/2403.19754.
    """

    instruction: str
    ask: str
    form: Literal["json", "stepwise"]
    steps: Mapping[str, str]
    verify: str | None
    count: int
    max_requests: int
    demos: int
    choices: int
    ngram: int
    max_overlap: float
    max_characters: int
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    needs = frozenset[str]()
    makes = frozenset({"examples"})
    asks = frozenset({"complete"})

    def __post_init__(self) -> None:
        _ = self._ask, self._verify
        for name in ("count", "max_requests", "demos", "ngram", "max_characters"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be 1 or more")
        if self.choices < 2 or not 0 <= self.max_overlap <= 1:
            raise ValueError(f"choices={self.choices} must be 2 or more and max_overlap={self.max_overlap} from 0 to 1")
        if set(self.steps) != {"question", "answer", "wrong"}:
            raise ValueError(f"steps must have the keys question, answer and wrong, not {sorted(self.steps)}")
        if self.sampling.samples != 1:
            raise ValueError(
                f"sampling.samples={self.sampling.samples} must be 1: each request has a prompt of its own"
            )

    @property
    def teachers(self) -> tuple[AnyTeacher, ...]:
        return () if self.teacher is None else (self.teacher,)

    @cached_property
    def _ask(self) -> Template:
        return Template(self.ask, {"number"}, "ask")

    @cached_property
    def _verify(self) -> Template | None:
        return None if self.verify is None else Template(self.verify, {"question"}, "verify")

    @property
    def _rules(self) -> Rules:
        return Rules(self.choices, self.max_characters)

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        yield from (TeacherRecord(example.id, (), {}) for example in examples)

    def expand(
        self, examples: Sequence[Example], context: GenerationContext
    ) -> tuple[Sequence[Example], Mapping[str, int]]:
        known = NearDuplicates(self.ngram, self.max_overlap, (one.question for one in (*examples, *context.held_out)))
        counts: Counter[str] = Counter()
        kept: list[Example] = []
        asked = 0
        while len(kept) < self.count and asked < self.max_requests:
            wave = min(self.count - len(kept), self.max_requests - asked)
            candidates = self._candidates(range(asked, asked + wave), examples, context)
            asked += wave
            kept += self._passed(candidates, known, counts, context)
        return kept, {"candidates": asked, **counts, "kept": len(kept)}

    def _passed(
        self,
        candidates: Sequence[Example | str],
        known: NearDuplicates,
        counts: Counter[str],
        context: GenerationContext,
    ) -> list[Example]:
        """Return the candidates that pass, and count why the others do not."""
        fresh = []
        for candidate in candidates:
            if isinstance(candidate, str):
                counts[candidate] += 1
            elif known.has_like(candidate.question):
                counts["near-duplicate"] += 1
            else:
                known.add(candidate.question)
                fresh.append(candidate)
        if self._verify is None or not fresh:
            return fresh
        prompts = [self._verification(example, self._verify, context) for example in fresh]
        answers = context.complete(prompts, replace(self.sampling, temperature=0.0), self.teacher, only_one=True)
        agreed = [
            example
            for example, (completion,) in zip(fresh, answers, strict=True)
            if context.task.parse(completion.text, example) == example.answer
        ]
        counts["not verified"] += len(fresh) - len(agreed)
        return agreed

    def _candidates(
        self, numbers: Sequence[int], examples: Sequence[Example], context: GenerationContext
    ) -> list[Example | str]:
        """Return what a wave of requests gave: questions, or why there is none."""
        shown = [self._drawn(number, examples, context.seed) for number in numbers]
        if self.form == "stepwise":
            return self._stepwise(numbers, shown, context)
        prompts = []
        for number, drawn in zip(numbers, shown, strict=True):
            turns = [(self._ask.render({"number": str(place + 1)}), _as_json(one)) for place, one in enumerate(drawn)]
            messages = chat(self.instruction, turns, self._ask.render({"number": str(number + 1)}))
            prompts.append(Prompt(messages, Request("question", drawn[-1])))
        answers = context.complete(prompts, self.sampling, self.teacher, self._refuse, only_one=True)
        return [self._read(completion) for (completion,) in answers]

    def _stepwise(
        self, numbers: Sequence[int], shown: Sequence[Sequence[Example]], context: GenerationContext
    ) -> list[Example | str]:
        """Ask for the question, then for its answer, then for wrong choices, each from the demonstrations' own."""
        found: list[dict[str, str]] = [{"count": str(self.choices - 1)} for _ in numbers]
        for step, fields in (("question", ()), ("answer", ("question",)), ("wrong", ("question", "answer", "count"))):
            template = Template(self.steps[step], {*fields, "number"}, f"steps.{step}")
            prompts = []
            for number, drawn, so_far in zip(numbers, shown, found, strict=True):
                turns = [
                    (template.render({**_pieces(one, self.choices), "number": str(place + 1)}), _pieces(one, 0)[step])
                    for place, one in enumerate(drawn)
                ]
                asked = template.render({**so_far, "number": str(number + 1)})
                prompts.append(Prompt(chat(self.instruction, turns, asked), Request("question", drawn[-1])))
            for so_far, (completion,) in zip(
                found, context.complete(prompts, self.sampling, self.teacher, unusable, only_one=True), strict=True
            ):
                so_far[step] = completion.text.strip()
        return [
            checked_question(one["question"], [one["answer"], *one["wrong"].splitlines()], one["answer"], self._rules)
            for one in found
        ]

    def _drawn(self, number: int, examples: Sequence[Example], seed: int) -> list[Example]:
        """Return the training questions that one request shows: a pure function of the seed and its number."""
        return Random(f"{seed}:expansion:{number}").sample(list(examples), min(self.demos, len(examples)))

    def _read(self, completion: Completion) -> Example | str:
        return completion.reason or read_question(completion.text, self._rules)

    def _refuse(self, index: int, text: str) -> str | None:
        read = read_question(text, self._rules)
        return read if isinstance(read, str) else None

    def _verification(self, example: Example, ask: Template, context: GenerationContext) -> Prompt:
        asked = ask.render({"question": context.task.question(example)})
        return Prompt(chat(self.instruction, (), asked), Request("answer", example))


def _as_json(example: Example) -> str:
    value = {"question": example.question, "choices": list(example.choices), "answer": example.choices[gold(example)]}
    return json.dumps(value, ensure_ascii=False)


def _pieces(example: Example, choices: int) -> dict[str, str]:
    """Return a training question as the fields and replies of the stepwise form."""
    right = gold(example)
    wrong = [text for place, text in enumerate(example.choices) if place != right]
    fields = {"question": example.question, "answer": example.choices[right], "wrong": "\n".join(wrong)}
    return fields | {"count": str(choices - 1)}
