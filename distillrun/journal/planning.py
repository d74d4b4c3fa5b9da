"""What a generation step would ask: counted without asking."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from distillrun.interfaces import AnyTeacher, Refuse, Task, Teacher
from distillrun.journal.context import mean_scores, members_of, slots_of
from distillrun.journal.line import Line
from distillrun.records import Completion, Draw, Example, Prompt, Sampling, ScoredContinuation
from distillrun.schema import GenerationConfig

WORD = "…"
"""Stands for each token of a completion that is not there yet; a prompt that holds it is an estimate."""


@dataclass(slots=True)
class Forecast:
    """What a step asks of its teachers.

    Attributes:
        known: completions that the journal holds.
        requests: those that remain.
        prompt_tokens: of what remains, as the teachers count or estimate.
        completion_tokens: of what remains: as many as the step's journaled completions have on average, else the most.
        most_completion_tokens: the most that what remains can have.
        usd, most_usd: what that costs, and can cost at most.
        is_estimate: some prompts hold texts that are not there yet.
    """

    known: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: float = 0.0
    most_completion_tokens: int = 0
    usd: float = 0.0
    most_usd: float = 0.0
    is_estimate: bool = False

    def add(self, teacher: Teacher, prompt_tokens: int, expected: float, most: int) -> None:
        """Count one request."""
        self.requests += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += expected
        self.most_completion_tokens += most
        self.usd += teacher.price_per_million.usd(prompt_tokens, expected)
        self.most_usd += teacher.price_per_million.usd(prompt_tokens, most)


class PlanningContext:
    """A `GenerationContext` that answers from the journal and, where that holds nothing, with placeholders.

    Attributes:
        forecast: what was asked for so far.
        by_teacher: the same for each teacher, by its name in the ensemble or else its own.
    """

    def __init__(
        self,
        store: Path,
        step: str,
        task: Task,
        teacher: AnyTeacher,
        held_out: Sequence[Example],
        generation: GenerationConfig,
    ) -> None:
        self.task = task
        self.teacher = teacher
        self.held_out = held_out
        self.seed = generation.seed
        self.forecast = Forecast()
        self.by_teacher: dict[str, Forecast] = {}
        self._store = store
        self._step = step

    def complete(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        by: AnyTeacher | None = None,
        refuse: Refuse | None = None,
        only_one: bool = False,
    ) -> Iterator[tuple[Completion, ...]]:
        teacher = by or self.teacher
        slots = slots_of(teacher, prompts, sampling.samples)
        rows: list[list[Completion]] = [[] for _ in prompts]
        for name, member in members_of(teacher).items():
            journal = Line(self._store, self._step, member).journal
            journal.read()
            lengths = [one.completion_tokens for one in journal.known() if not one.reason]
            expected = min(fmean(lengths) if lengths else sampling.max_new_tokens, sampling.max_new_tokens)
            for slot in (slot for slot in slots if slot.member == name):
                prompt = prompts[slot.prompt]
                known = journal.completion(Draw(prompt, slot.sample, self.seed), sampling)
                if known is None:
                    tokens = self._count(name, member, prompt, expected, sampling.max_new_tokens)
                    known = Completion(" ".join([WORD] * round(expected)), "stop", tokens, round(expected))
                else:
                    self.forecast.known += 1
                rows[slot.prompt].append(known)
        return map(tuple, rows)

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], by: AnyTeacher | None = None
    ) -> Iterator[tuple[ScoredContinuation, ...]]:
        rows: list[list[tuple[ScoredContinuation, ...]]] = [[] for _ in prompts]
        for name, member in members_of(by or self.teacher).items():
            journal = Line(self._store, self._step, member).journal
            journal.read()
            for row, (prompt, texts) in enumerate(zip(prompts, continuations, strict=True)):
                known = journal.scores(prompt, texts)
                if known is None:
                    self._count(name, member, prompt, 0, 0)
                    known = tuple(ScoredContinuation(-1.0, 1) for _ in texts)
                else:
                    self.forecast.known += 1
                rows[row].append(known)
        return map(mean_scores, rows)

    def _count(self, name: str, member: Teacher, prompt: Prompt, expected: float, most: int) -> int:
        tokens = member.prompt_tokens(prompt)
        for forecast in (self.forecast, self.by_teacher.setdefault(name or member.name, Forecast())):
            forecast.add(member, tokens, expected, most)
            forecast.is_estimate |= any(WORD in message.content for message in prompt.messages)
        return tokens
