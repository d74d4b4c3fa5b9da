"""The counting context: a generation step's requests are counted and not sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from distillrun.config.schema import GenerationConfig
from distillrun.interfaces import AnyTeacher, Refuse, Task, Teacher
from distillrun.journal.client import TeacherClient, key_of
from distillrun.journal.context import Slot, answering, check_one_each, mean_scores, slots_of
from distillrun.journal.rows import Journal, scoring_of
from distillrun.planning.forecast import Forecast, request
from distillrun.planning.placeholder import placeholder
from distillrun.records import Completion, Draw, Example, Prompt, Sampling, ScoredContinuation
from distillrun.text.thinking import spoken

T = TypeVar("T")


@dataclass(slots=True)
class JournalSnapshot:
    """The journals of one step, each read once and without its lock, and the prompts' lengths, each counted once."""

    store: Path
    step: str
    _journals: dict[str, Journal] = field(default_factory=dict)
    _lengths: dict[tuple[str, str], int] = field(default_factory=dict)
    _keys: dict[int, str] = field(default_factory=dict)

    def key(self, teacher: Teacher) -> str:
        """Return `key_of(teacher)`, made once."""
        if id(teacher) not in self._keys:
            self._keys[id(teacher)] = key_of(teacher)
        return self._keys[id(teacher)]

    def journal(self, teacher: Teacher) -> Journal:
        """Return what a teacher answered to the step so far."""
        key = self.key(teacher)
        if key not in self._journals:
            self._journals[key] = TeacherClient(self.store, self.step, teacher).journal
            self._journals[key].read()
        return self._journals[key]

    def mean_tokens(self, teacher: Teacher, most: int) -> float:
        """Return how many tokens the step's completions have on average; `most` where there are none."""
        lengths = [one.completion_tokens for one in self.journal(teacher).known() if not one.reason]
        return min(fmean(lengths), most) if lengths else most

    def prompt_tokens(self, teacher: Teacher, prompt: Prompt) -> int:
        """Return how many tokens a prompt has."""
        key = self.key(teacher), prompt.digest
        if key not in self._lengths:
            self._lengths[key] = teacher.prompt_tokens(prompt)
        return self._lengths[key]


class PlanningContext:
    """A `GenerationContext` that answers from the journal and, where that holds nothing, with placeholders.

    Args:
        journals: the step's journals.
        task, teacher, held_out, generation: as of the run.
        is_usable: the placeholders are such that the step can use them all, or none.
        rests_on_guesses: what the step is given holds placeholders already.

    Attributes:
        by_teacher: what is asked of each teacher, by its key.
        has_guessed: a placeholder was handed out.
    """

    def __init__(
        self,
        journals: JournalSnapshot,
        task: Task,
        teacher: AnyTeacher,
        held_out: Sequence[Example],
        generation: GenerationConfig,
        is_usable: bool,
        rests_on_guesses: bool,
    ) -> None:
        self.task = task
        self.teacher = teacher
        self.held_out = held_out
        self.seed = generation.seed
        self.by_teacher: dict[str, Forecast] = {}
        self.has_guessed = False
        self._journals = journals
        self._attempts = generation.attempts
        self._is_usable = is_usable
        self._is_estimate = rests_on_guesses

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
        if only_one:
            check_one_each(self._journals.step, slots, prompts)
        rows: list[list[Completion]] = [[] for _ in prompts]
        guessed = set()
        for name, member in answering(teacher).items():
            expected = self._journals.mean_tokens(member, sampling.max_new_tokens)
            for slot in (slot for slot in slots if slot.member == name):
                found = self._known(slot, prompts[slot.prompt], member, sampling, refuse)
                if found is None:
                    guessed.add(slot.prompt)
                    self._count(member, prompts[slot.prompt], expected, sampling.max_new_tokens)
                    found = placeholder(prompts[slot.prompt], slot.sample, round(expected), self.task, self._is_usable)
                rows[slot.prompt].append(replace(found, teacher=name or found.teacher))
        return self._handed(map(tuple, rows), guessed)

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], by: AnyTeacher | None = None
    ) -> Iterator[tuple[ScoredContinuation, ...]]:
        """Yield scores; each is a request without completion tokens, and placeholders score all texts equally."""
        teacher = by or self.teacher
        members = answering(teacher)
        rows: list[list[tuple[ScoredContinuation, ...]]] = [[] for _ in prompts]
        guessed = set()
        for slot in slots_of(teacher, prompts, samples=1):
            prompt, texts, member = prompts[slot.prompt], continuations[slot.prompt], members[slot.member]
            found = self._journals.journal(member).scores(prompt, texts, scoring_of(member))
            if found is None:
                guessed.add(slot.prompt)
                self._count(member, prompt, 0, 0)
                found = tuple(ScoredContinuation(-1.0, 1) for _ in texts)
            else:
                self._add(member, Forecast(known=1))
            rows[slot.prompt].append(found)
        return self._handed(map(mean_scores, rows), guessed)

    def _known(
        self, slot: Slot, prompt: Prompt, member: Teacher, sampling: Sampling, refuse: Refuse | None
    ) -> Completion | None:
        """Return what a run would take from the journal: the first usable draw or, if all are there, the last one."""
        found = None
        for attempt in range(self._attempts if sampling.temperature > 0 else 1):
            draw = Draw(prompt, slot.sample + attempt * sampling.samples, self.seed)
            found = self._journals.journal(member).completion(draw, sampling)
            if found is None:
                return None
            self._add(member, Forecast(known=1))
            found = spoken(found)
            reason = found.reason or (refuse(slot.prompt, found.text) if refuse else None) or ""
            found = replace(found, reason=reason)
            if not reason:
                break
        return found

    def _handed(self, rows: Iterator[T], guessed: set[int]) -> Iterator[T]:
        """Yield the rows; once a guess was seen, whatever the step asks further is an estimate."""
        self.has_guessed |= bool(guessed)
        for place, row in enumerate(rows):
            self._is_estimate |= place in guessed
            yield row

    def _count(self, member: Teacher, prompt: Prompt, expected: float, most: int) -> None:
        tokens = self._journals.prompt_tokens(member, prompt)
        self._add(member, request(member.price_per_million, tokens, expected, most, self._is_estimate))

    def _add(self, member: Teacher, forecast: Forecast) -> None:
        key = self._journals.key(member)
        self.by_teacher[key] = self.by_teacher.get(key, Forecast()).plus(forecast)
