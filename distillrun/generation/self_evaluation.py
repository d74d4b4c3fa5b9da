"""Judgements of the teacher on its own rationales."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

from distillrun.generation.shared.ability import MayHaveOwnTeacher, must_serve
from distillrun.generation.shared.few_shot import chat, failures_of, question_and_answer
from distillrun.generation.shared.verdict import majority, no_verdict, verdict_of
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import Answer, Example, Prompt, Rationale, Record, Request, Sampling, TeacherRecord, kind_of
from distillrun.text.template import Template


@dataclass(frozen=True, slots=True)
class Judged(Record):
    """A judgement that is shown: of a rationale that ends in an answer, right or not."""

    question: str
    choices: tuple[str, ...]
    answer: str
    rationale: str
    judgement: str

    def __post_init__(self) -> None:
        if self.answer not in self.choices:
            raise ValueError(f"the answer {self.answer!r} of {self.question!r} is not among {self.choices}")
        if verdict_of(self.judgement) is None:
            raise ValueError(f"the judgement of {self.question!r} gives no verdict: {self.judgement!r}")

    @property
    def example(self) -> Example:
        """The question; its answer is the one judged."""
        return Example(self.question, self.question, self.choices, self.choices.index(self.answer))


@dataclass(frozen=True)
class SelfEvaluation(MayHaveOwnTeacher):
    """The teacher's verdict on each of its rationales, right, wrong or uncertain, and its reasons.

    The right answer is not given. Makes the rationales again, each with its verdict; judgements in full go into the
    trace. Several rationales of a question come from the step before, such as self_consistency.

    Args:
        instruction: the system message.
        ask: fields {question}, {answer} (the one that the rationale argues for) and {rationale}.
        shown: judgements that stand before.
        kinds: which rationales are judged: initial, revised, counterfactual.
        sampling: how to draw; `samples` judgements of each rationale, whose majority counts, a tie being uncertain.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: Mind's Mirror, Liu et al. 2023, https://arxiv.org/abs/2311.09214, section 3.2.
    """

    instruction: str
    ask: str
    shown: tuple[Judged, ...]
    kinds: tuple[Literal["initial", "revised", "counterfactual"], ...]
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    MEANING: ClassVar[int] = 2  # what was cut off inside a sentence gives no verdict

    def __post_init__(self) -> None:
        _ = self._ask
        must_serve(self.teacher, self.abilities)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.kinds)

    @property
    def makes(self) -> frozenset[str]:
        return frozenset({*self.kinds, "verdicts"})

    @cached_property
    def _ask(self) -> Template:
        return Template(self.ask, {"question", "answer", "rationale"}, "ask")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        judged = [[one for one in record.rationales if kind_of(one) in self.kinds] for record in records]
        prompts = [
            self._prompt(example, rationale, context.task)
            for example, own in zip(examples, judged, strict=True)
            for rationale in own
        ]
        answers = context.complete(prompts, self.sampling, self.teacher, no_verdict)
        for example, own in zip(examples, judged, strict=True):
            found = [next(answers) for _ in own]
            rationales = tuple(
                replace(rationale, verdict=majority(completions))
                for rationale, completions in zip(own, found, strict=True)
            )
            made = [completion for completions in found for completion in completions]
            trace = {f"self_evaluation/{place}": completion.text for place, completion in enumerate(made)}
            yield TeacherRecord(example.id, rationales, trace, failures=failures_of("self_evaluation", made))

    def _prompt(self, example: Example, rationale: Rationale, task: Task) -> Prompt:
        turns = [
            (self._asked(one.example, one.choices.index(one.answer), one.rationale, task), one.judgement)
            for one in self.shown
            if one.question != example.question
        ]
        asked = self._asked(example, rationale.supports, rationale.text, task)
        messages = chat(self.instruction, turns, asked)
        return Prompt(messages, Request("judgement", example, rationale.supports, draft=rationale.text))

    def _asked(self, example: Example, choice: Answer, rationale: str, task: Task) -> str:
        return self._ask.render(question_and_answer(example, choice, task) | {"rationale": rationale})
