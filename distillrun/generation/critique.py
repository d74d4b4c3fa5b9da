"""Critiques of the teacher's own drafts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from distillrun.generation.shared.ability import MayHaveOwnTeacher
from distillrun.generation.shared.few_shot import FewShotPrompt, chat, failures_of, question_and_answer
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import (
    Answer,
    Example,
    Prompt,
    Rationale,
    Record,
    Request,
    Sampling,
    TeacherRecord,
    find_factual,
    gold,
)
from distillrun.text.cleaning import clean
from distillrun.text.refusal import unusable
from distillrun.text.template import Template


@dataclass(frozen=True, slots=True)
class RequestPair(Record):
    """A request for a critique that looks for one defect, and the request for the revision that fixes it."""

    critique: str
    revision: str


@dataclass(frozen=True)
class Critique(MayHaveOwnTeacher):
    """A critique of the initial rationale, kept with the request for the revision that belongs to it.

    Args:
        prompt: its `ask` has fields {question}, {answer}, {draft} and {request}; its `demos` demonstrations are drawn
            for each question.
        requests: one pair is drawn for each question.
        shown_request: the pair that the demonstrations answer.
        sampling: how to draw; one sample.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: critique-revision prompting of arXiv:2504.16056, after Bai et al. 2022, https://arxiv.org/abs/2212.08073.
    """

    prompt: FewShotPrompt
    requests: tuple[RequestPair, ...]
    shown_request: RequestPair
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    needs = frozenset({"initial"})
    makes = frozenset({"critique"})

    def __post_init__(self) -> None:
        if not self.requests:
            raise ValueError("requests is empty; give pairs, each with a critique and a revision request")
        if self.sampling.samples != 1:
            raise ValueError(f"sampling.samples={self.sampling.samples} must be 1: one critique goes with one revision")
        _ = self._ask

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question", "answer", "draft", "request"}, "prompt.ask")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        drafts = [find_factual(record, "initial") for record in records]
        made = self.criticise(examples, drafts, 0, context)
        for example in examples:
            yield made.get(example.id, TeacherRecord(example.id, (), {}))

    def criticise(
        self,
        examples: Sequence[Example],
        drafts: Sequence[Rationale | None],
        turn: int,
        context: GenerationContext,
    ) -> Mapping[str, TeacherRecord]:
        """Return the critique of each draft that there is, by the example's id; `turn` counts the rounds from 0."""
        asked = [(example, draft) for example, draft in zip(examples, drafts, strict=True) if draft is not None]
        pairs = [self.pair(example, turn, context.seed) for example, _ in asked]
        prompts = [
            self._prompt(example, draft, pair.critique, turn, context)
            for (example, draft), pair in zip(asked, pairs, strict=True)
        ]
        made = {}
        answers = context.complete(prompts, self.sampling, self.teacher, unusable, only_one=True)
        for (example, _), pair, (completion,) in zip(asked, pairs, answers, strict=True):
            usable = {"critique": completion.text, "revision_request": pair.revision}
            failures = failures_of("critique", [completion])
            made[example.id] = TeacherRecord(example.id, (), {} if failures else usable, failures=failures)
        return made

    def pair(self, example: Example, turn: int, seed: int) -> RequestPair:
        """Return the requests of a question: a pure function of the seed, the question's id and the round."""
        return Random(f"{seed}:{example.id}" + (f":{turn}" if turn else "")).choice(self.requests)

    def _prompt(
        self, example: Example, draft: Rationale, request: str, turn: int, context: GenerationContext
    ) -> Prompt:
        task = context.task
        turns = [
            (self._asked(shown.example, gold(shown.example), shown.rationale, self.shown_request.critique, task), reply)
            for shown, reply in self.prompt.drawn(example, f"{context.seed}:critique:{turn}", task)
        ]
        messages = chat(self.prompt.instruction, turns, self._asked(example, draft.supports, draft.text, request, task))
        return Prompt(messages, Request("critique", example, draft.supports, draft=draft.text))

    def _asked(self, example: Example, choice: Answer, draft: str, request: str, task: Task) -> str:
        return self._ask.render(question_and_answer(example, choice, task) | {"draft": draft, "request": request})


def critique_of(record: TeacherRecord) -> tuple[str, str] | None:
    """Return the cleaned critique of a record and the revision request that belongs to it; None if it has none."""
    if "critique" not in record.trace:
        return None
    return clean(record.trace["critique"]), record.trace["revision_request"]
