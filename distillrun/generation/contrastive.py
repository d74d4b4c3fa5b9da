"""Contrastive decoding: a rationale for the right answer against the one for another answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Literal

from distillrun.generation.shared.ability import MayHaveOwnTeacher, must_serve
from distillrun.generation.shared.few_shot import FewShotPrompt, chat, failures_of, rationale_of
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import Contrast, Example, Message, Prompt, Request, Sampling, TeacherRecord, gold, wrong_choices
from distillrun.text.refusal import unusable
from distillrun.text.template import Template


@dataclass(frozen=True)
class Contrastive(MayHaveOwnTeacher):
    """Answer-conditioned rationales whose every token is much likelier under the right answer.

    Args:
        prompt: its `ask` has fields {question} and {answer}.
        against: the other answer: a wrong choice, drawn by seed, or none at all (empty).
        weight: how much what the other answer makes likely counts against a token; 0 = plain greedy decoding.
        plausibility: tokens less likely than this share of the likeliest one are never chosen; 1 = plain greedy.
        sampling: temperature must be 0.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: SCOTT, Wang et al. 2023, https://arxiv.org/abs/2305.01879, section 3.1; see `Contrast`.
    """

    prompt: FewShotPrompt
    against: Literal["other", "empty"]
    weight: float
    plausibility: float
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    abilities = ("complete", "contrast")
    needs = frozenset[str]()
    told_answers = True
    makes = frozenset({"initial"})

    def __post_init__(self) -> None:
        _ = self._ask
        must_serve(self.teacher, self.abilities)
        if self.weight < 0 or not 0 <= self.plausibility <= 1:
            raise ValueError(
                f"weight={self.weight} must be 0 or more, and plausibility={self.plausibility} from 0 to 1"
            )
        if self.sampling.temperature != 0 or self.sampling.samples != 1:
            raise ValueError(
                "contrastive decoding is greedy: set sampling.temperature=0.0 and sampling.samples=1, not "
                f"{self.sampling.temperature} and {self.sampling.samples}"
            )

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question", "answer"}, "prompt.ask")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        prompts = [self._prompt(example, context.task, context.seed) for example in examples]
        answers = context.complete(prompts, self.sampling, self.teacher, unusable)
        for example, completions in zip(examples, answers, strict=True):
            usable = [made for made in completions if not made.reason]
            made = tuple(rationale_of(one, gold(example), "factual", "initial", "contrastive") for one in usable)
            yield TeacherRecord(example.id, made, {}, failures=failures_of("contrastive", completions))

    def other(self, example: Example, seed: int) -> int | None:
        """Return the wrong choice that is contrasted: a pure function of seed and id; None for the empty answer."""
        wrong = wrong_choices(example)
        return Random(f"{seed}:other:{example.id}").choice(wrong) if self.against == "other" and wrong else None

    def _prompt(self, example: Example, task: Task, seed: int) -> Prompt:
        other = self.other(example, seed)
        against = "" if other is None else task.answer(example, other)
        contrast = Contrast(self._messages(example, against, task), self.weight, self.plausibility)
        messages = self._messages(example, task.answer(example, gold(example)), task)
        return Prompt(messages, Request("rationale", example, gold(example)), contrast)

    def _messages(self, example: Example, answer: str, task: Task) -> tuple[Message, ...]:
        turns = [
            (self._asked(shown.example, task.answer(shown.example, gold(shown.example)), task), reply)
            for shown, reply in self.prompt.shown(example, task)
        ]
        return chat(self.prompt.instruction, turns, self._asked(example, answer, task))

    def _asked(self, example: Example, answer: str, task: Task) -> str:
        return self._ask.render({"question": task.question(example), "answer": answer})
