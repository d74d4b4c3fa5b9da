"""Answer-conditioned rationales: the teacher is given the right answer and explains it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from distillrun.generation.shared.ability import MayHaveOwnTeacher
from distillrun.generation.shared.few_shot import (
    Adjectives,
    FewShotPrompt,
    chat,
    failures_of,
    question_and_answer,
    rationale_of,
)
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import Answer, Example, Prompt, Request, Sampling, TeacherRecord, gold
from distillrun.text.refusal import unusable
from distillrun.text.template import Template


@dataclass(frozen=True)
class FewShotRationale(MayHaveOwnTeacher):
    """Answer-conditioned initial rationales after a few solved questions.

    Args:
        prompt: its `ask` has fields {question}, {answer} and {adjectives}.
        adjectives: two are drawn for each question, and stand in its demonstrations, too.
        sampling: how to draw; `samples` rationales for each question.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: few-shot rationales of arXiv:2504.16056, after the rationalisation of STaR, https://arxiv.org/abs/2203.14465.
    """

    prompt: FewShotPrompt
    adjectives: Adjectives
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    needs = frozenset[str]()
    told_answers = True
    makes = frozenset({"initial"})

    def __post_init__(self) -> None:
        _ = self._ask  # a malformed template is found at once

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question", "answer", "adjectives"}, "prompt.ask")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        prompts = [self.ask(example, gold(example), context.task, context.seed) for example in examples]
        answers = context.complete(prompts, self.sampling, self.teacher, unusable)
        for example, completions in zip(examples, answers, strict=True):
            made = tuple(
                rationale_of(completion, gold(example), "factual", "initial", "few_shot_rationale")
                for completion in completions
                if not completion.reason
            )
            failures = failures_of("few_shot_rationale", completions)
            yield TeacherRecord(example.id, made, {}, failures=failures)

    def ask(self, example: Example, choice: Answer, task: Task, seed: int) -> Prompt:
        """Return the prompt that asks to argue for an answer."""
        adjectives = {"adjectives": self.adjectives.pair(seed, example)}

        def asked(one: Example, answer: Answer) -> str:
            return self._ask.render(question_and_answer(one, answer, task) | adjectives)

        turns = [
            (asked(shown.example, gold(shown.example)), reply) for shown, reply in self.prompt.shown(example, task)
        ]
        messages = chat(self.prompt.instruction, turns, asked(example, choice))
        return Prompt(messages, Request("rationale", example, choice))
