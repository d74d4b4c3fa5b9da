"""The generation context: every answer is journaled as it arrives, paid for once, and counted."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from distillrun.config.schema import GenerationConfig, Progress
from distillrun.errors import ConfigError
from distillrun.interfaces import AnyTeacher, EnsembleTeacher, Refuse, Task, Teacher, members_of
from distillrun.journal.client import TeacherClient
from distillrun.journal.usage import Usage
from distillrun.process.interrupt import stops_when_saved
from distillrun.process.progress import Bar
from distillrun.records import Completion, Draw, Example, Prompt, Sampling, ScoredContinuation
from distillrun.text.thinking import SAID_NOTHING

HOPELESS = 50
"""When so many completions were drawn and not one of them can be used, a step is not drawn to its end."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one completion: of which prompt, by which member of the ensemble, and which of its samples."""

    prompt: int
    member: str
    sample: int


class JournaledContext:
    """The `GenerationContext` of a run.

    Attributes:
        usage: of all completions that the step took in, unusable ones among them.
        asked: counts those that were asked now rather than found in the journal.
    """

    def __init__(
        self,
        store: Path,
        step: str,
        task: Task,
        teacher: AnyTeacher,
        held_out: Sequence[Example],
        generation: GenerationConfig,
        progress: Progress,
        asked: Usage,
    ) -> None:
        self.task = task
        self.teacher = teacher
        self.held_out = held_out
        self.seed = generation.seed
        self.usage = Usage()
        self.asked = asked
        self._store = store
        self._step = step
        self._generation = generation
        self._progress = progress
        self._due = 0  # completions of earlier calls: a step's share of failures is that of all its calls together

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
            check_one_each(self._step, slots, prompts)
        found: dict[int, Completion] = {}
        attempts = self._generation.attempts if sampling.temperature > 0 else 1
        failures: Counter[str] = Counter()
        for attempt in range(attempts):
            pending = [place for place in range(len(slots)) if place not in found or found[place].reason]
            failures.clear()
            drawn = self._due if attempt == 0 else -len(slots)
            for place, completion in self._drawn(teacher, prompts, slots, pending, sampling, attempt):
                reason = completion.reason or (refuse(slots[place].prompt, completion.text) if refuse else None) or ""
                found[place] = replace(completion, reason=reason)
                drawn += 1
                if reason:
                    failures[reason] += 1
                    self._check_failures(failures, len(slots), drawn, found[place], is_last=attempt + 1 == attempts)
        self.usage.failures += failures
        self._due += len(slots)
        rows: list[list[Completion]] = [[] for _ in prompts]
        for place, slot in enumerate(slots):
            rows[slot.prompt].append(found[place])
        return map(tuple, rows)

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], by: AnyTeacher | None = None
    ) -> Iterator[tuple[ScoredContinuation, ...]]:
        found: list[list[tuple[ScoredContinuation, ...]]] = [[] for _ in prompts]
        teacher = by or self.teacher
        slots = slots_of(teacher, prompts, samples=1)
        for name, member in answering(teacher).items():
            places = [slot.prompt for slot in slots if slot.member == name]
            client = TeacherClient(self._store, self._step, member)
            with self._bar(len(places)) as bar, stops_when_saved() as stopping:
                ends = [continuations[place] for place in places]
                for index, scores, is_new in client.score([prompts[place] for place in places], ends, stopping):
                    found[places[index]].append(scores)
                    tokens = member.prompt_tokens(prompts[places[index]])
                    self._count(Completion("", "stop", tokens, 0), member, is_new)
                    bar.advance(f"{self.asked.requests:,} requests")
        return (mean_scores(members) for members in found)

    def _drawn(
        self,
        teacher: AnyTeacher,
        prompts: Sequence[Prompt],
        slots: Sequence[Slot],
        pending: Sequence[int],
        sampling: Sampling,
        attempt: int,
    ) -> Iterator[tuple[int, Completion]]:
        """Yield (place, completion) for the pending slots, each member asked in turn."""
        for name, member in answering(teacher).items():
            places = [place for place in pending if slots[place].member == name]
            if not places:
                continue
            draws = [
                Draw(prompts[slots[place].prompt], slots[place].sample + attempt * sampling.samples, self.seed)
                for place in places
            ]
            client = TeacherClient(self._store, self._step, member)
            with self._bar(len(draws)) as bar, stops_when_saved() as stopping:
                for index, completion, is_new in client.complete(draws, sampling, stopping):
                    self._count(completion, member, is_new)
                    bar.advance(f"{self.asked.requests:,} requests")
                    yield places[index], replace(completion, teacher=name or completion.teacher)

    def _bar(self, rows: int) -> Bar:
        return Bar(f"generate/{self._step}", rows, 0, self._progress, "rows")

    def _count(self, completion: Completion, member: Teacher, is_new: bool) -> None:
        self.usage.add(completion, member.price_per_million)
        if is_new:
            self.asked.add(completion, member.price_per_million)

    def _check_failures(self, failures: Counter[str], count: int, drawn: int, last: Completion, is_last: bool) -> None:
        """Raise ConfigError where too many completions cannot be used.

        Args:
            failures: of this call's completions so far, by reason.
            count: of this call's completions that are due.
            drawn: how many of the step's were drawn so far, if each of them was drawn once; else 0.
            last: the last one.
            is_last: none of them will be drawn again.
        """
        share = self._generation.max_failed_share
        failures, count = self.usage.failures + failures, self._due + count
        if drawn >= HOPELESS and failures.total() == drawn and share < 1:
            count = drawn  # not one can be used: drawing all of them again would be paid for nothing
        elif not is_last:
            return
        if failures.total() > share * count:
            reasons = ", ".join(f"{number} {reason}" for reason, number in failures.most_common())
            raise ConfigError(
                f"generation step {self._step}: {failures.total()} of {count} completions cannot be used ({reasons}), "
                f"more than generation.max_failed_share={share}; the last was {last.text[:200]!r}. What was answered "
                f"is kept; {cure_of(failures)}, or allow a larger share"
            )


def cure_of(failures: Collection[str]) -> str:
    """Return what can be done about completions that failed for these reasons."""
    if not SAID_NOTHING.isdisjoint(failures):
        return (
            "raise the step's sampling.max_new_tokens, so that its thinking can finish, or keep the model from"
            " thinking where its server can: teacher.extra_body={chat_template_kwargs: {enable_thinking: false}} for"
            " vLLM and SGLang, {reasoning_effort: minimal} for OpenAI, {reasoning: {enabled: false}} for OpenRouter"
        )
    return "change the prompt or the teacher"


def answering(teacher: AnyTeacher) -> Mapping[str, Teacher]:
    """Return who answers for a teacher, see `members_of`. Raises ConfigError for recordings, which do not."""
    members = members_of(teacher)
    if not members:
        raise ConfigError(
            "this generation step asks the teacher, but teacher=recorded can be asked nothing new; "
            "choose generation=recorded, or a teacher that answers"
        )
    return members


def slots_of(teacher: AnyTeacher, prompts: Sequence[Prompt], samples: int) -> list[Slot]:
    """Return the places for the completions of all prompts, in order: every sample of every member that answers."""
    ensemble = teacher if isinstance(teacher, EnsembleTeacher) else None
    return [
        Slot(number, name, sample)
        for number, prompt in enumerate(prompts)
        for name in (ensemble.route(prompt) if ensemble else [""])
        for sample in range(samples)
    ]


def check_one_each(step: str, slots: Sequence[Slot], prompts: Sequence[Prompt]) -> None:
    """Raise ConfigError where several members of an ensemble would answer a prompt to a step that can use one."""
    if len(slots) > len(prompts):
        raise ConfigError(
            f"generation step {step} takes one completion for each question, but every member of this "
            f"ensemble answers; set teacher.mode=round_robin, or generation.steps.{step}.teacher to one teacher"
        )


def mean_scores(members: Sequence[tuple[ScoredContinuation, ...]]) -> tuple[ScoredContinuation, ...]:
    """Return the scores of one prompt; of several members, the mean of their log-probs."""
    return tuple(
        ScoredContinuation(sum(score.log_prob for score in scores) / len(scores), scores[0].tokens)
        for scores in zip(*members, strict=True)
    )
