"""Revisions of drafts by the teacher, after the critique."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from distillrun.generation.critique import Critique, critique_of
from distillrun.generation.shared.ability import MayHaveOwnTeacher
from distillrun.generation.shared.few_shot import FewShotPrompt, chat, failures_of, question_and_answer, rationale_of
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import Answer, Example, Prompt, Rationale, Request, Sampling, TeacherRecord, find_factual, gold
from distillrun.text.refusal import unusable
from distillrun.text.template import Template


@dataclass(frozen=True)
class Revision(MayHaveOwnTeacher):
    """The revised rationale: the initial one, rewritten to answer its critique.

    Args:
        prompt: its `ask` has fields {question}, {answer}, {draft}, {critique} and {request}; its `demos` demonstrations
            are drawn for each question.
        rounds: how often a draft is criticised and revised; the first critique comes from the step before.
        critic: writes the critiques of the second round and later ones.
        sampling: how to draw; one sample.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: critique-revision prompting of arXiv:2504.16056, after Bai et al. 2022, https://arxiv.org/abs/2212.08073.
    """

    prompt: FewShotPrompt
    rounds: int
    critic: Critique
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    needs = frozenset({"initial", "critique"})
    makes = frozenset({"revised"})

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds={self.rounds} must be 1 or more")
        if self.sampling.samples != 1:
            raise ValueError(f"sampling.samples={self.sampling.samples} must be 1: one draft has one revision")
        _ = self._ask

    @property
    def teachers(self) -> tuple[AnyTeacher, ...]:
        return (() if self.teacher is None else (self.teacher,)) + (self.critic.teachers if self.rounds > 1 else ())

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question", "answer", "draft", "critique", "request"}, "prompt.ask")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        given = dict(zip((example.id for example in examples), records, strict=True))
        drafts = {name: find_factual(record, "initial") for name, record in given.items()}
        made = {name: TeacherRecord(name, (), {}) for name in given}
        critiques = given
        for turn in range(self.rounds):
            if turn:
                found = self.critic.criticise(examples, [drafts[one.id] for one in examples], turn, context)
                critiques = {one.id: found.get(one.id, TeacherRecord(one.id, (), {})) for one in examples}
            for example, revised in self._revised(examples, drafts, critiques, turn, context):
                made[example.id] = self._added(made[example.id], critiques[example.id], revised, turn)
                drafts[example.id] = find_factual(revised, "revised")
        yield from (made[example.id] for example in examples)

    def _revised(
        self,
        examples: Sequence[Example],
        drafts: dict[str, Rationale | None],
        critiques: dict[str, TeacherRecord],
        turn: int,
        context: GenerationContext,
    ) -> Iterator[tuple[Example, TeacherRecord]]:
        """Yield the revision of each draft that has a critique."""
        asked = []
        for example in examples:
            draft, critique = drafts[example.id], critique_of(critiques[example.id])
            if draft is not None and critique is not None:
                asked.append((example, draft, *critique))
        prompts = [self._prompt(*one, turn, context) for one in asked]
        answers = context.complete(prompts, self.sampling, self.teacher, unusable, only_one=True)
        for (example, draft, _, _), (completion,) in zip(asked, answers, strict=True):
            failures = failures_of("revision", [completion])
            revised = rationale_of(completion, draft.supports, "factual", "revised", "revision")
            yield example, TeacherRecord(example.id, () if failures else (revised,), {}, failures=failures)

    def _added(
        self, before: TeacherRecord, critiqued: TeacherRecord, revised: TeacherRecord, turn: int
    ) -> TeacherRecord:
        """Return the record after a round: the newest revision, and what the round before left in the trace."""
        trace = dict(before.trace)
        if turn:
            trace |= {f"critique/{turn + 1}": critiqued.trace["critique"]}
            trace |= {f"revision/{turn}": rationale.raw for rationale in before.rationales}
        failures = (*before.failures, *(critiqued.failures if turn else ()), *revised.failures)
        return TeacherRecord(before.example_id, revised.rationales or before.rationales, trace, failures=failures)

    def _prompt(
        self, example: Example, draft: Rationale, critique: str, request: str, turn: int, context: GenerationContext
    ) -> Prompt:
        task, shown_request = context.task, self.critic.shown_request.revision
        turns = [
            (
                self._asked(
                    shown.example, gold(shown.example), shown.rationale, shown.critique, shown_request, context.task
                ),
                reply,
            )
            for shown, reply in self.prompt.drawn(example, f"{context.seed}:revision:{turn}", task)
        ]
        asked = self._asked(example, draft.supports, draft.text, critique, request, task)
        messages = chat(self.prompt.instruction, turns, asked)
        return Prompt(messages, Request("revision", example, draft.supports, draft=draft.text, critique=critique))

    def _asked(self, example: Example, choice: Answer, draft: str, critique: str, request: str, task: Task) -> str:
        fields = {"draft": draft, "critique": critique, "request": request}
        return self._ask.render(question_and_answer(example, choice, task) | fields)
