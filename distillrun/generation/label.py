"""The label alone: the cheapest answer of a teacher, and its distribution where several are drawn."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from distillrun.errors import ConfigError
from distillrun.generation.shared.ability import MayHaveOwnTeacher, must_serve
from distillrun.generation.shared.few_shot import FewShotPrompt, chat, failures_of
from distillrun.generation.shared.voting import Vote, Weights, plurality
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import (
    Completion,
    Example,
    Failure,
    Prompt,
    Request,
    Sampling,
    TeacherRecord,
    counted_as,
    place,
    readings,
)
from distillrun.text.finished import finished_part
from distillrun.text.refusal import refusal
from distillrun.text.template import Template

STEP = "label"


@dataclass(frozen=True)
class Label(MayHaveOwnTeacher):
    """What a teacher answers without reasoning, voted over its samples, and their shares as soft labels.

    Choice c gets (1 - smoothing) x its share of the parsed answers + smoothing / number of choices. Choices with equal
    texts share their part.

    Args:
        prompt: its `ask` has the field {question}.
        weights: of the votes, see `plurality`.
        smoothing: above 0 and below 1, since no choice may be impossible.
        sampling: how to draw; `samples` answers for each question.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: labels of language models: Wang et al. 2021, https://arxiv.org/abs/2108.13487; the vote's share as a
    confidence: Wang et al. 2023, https://arxiv.org/abs/2203.11171, section 3.5.
    """

    prompt: FewShotPrompt
    weights: Weights
    smoothing: float
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    MEANING: ClassVar[int] = 2  # what was cut off inside a label has no vote

    needs = frozenset[str]()
    makes = frozenset({"answers", "choice_scores"})

    def __post_init__(self) -> None:
        _ = self._ask
        must_serve(self.teacher, self.abilities)
        if not 0 < self.smoothing < 1:
            raise ConfigError(f"generation.steps.label.smoothing={self.smoothing} must be above 0 and below 1")
        if self.sampling.samples > 1 and self.sampling.temperature == 0:
            raise ConfigError(
                f"generation.steps.label.sampling.samples={self.sampling.samples} with temperature=0 would be the same "
                "answer again and again; set sampling.temperature above 0, such as 0.7"
            )

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question"}, "prompt.ask")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        prompts = [self._prompt(example, context.task) for example in examples]
        answers = context.complete(prompts, self.sampling, self.teacher, _refused)
        for example, completions in zip(examples, answers, strict=True):
            yield self._record(example, completions, context.task)

    def _record(self, example: Example, completions: Sequence[Completion], task: Task) -> TeacherRecord:
        said = [(one, None if one.reason else task.parse(_whole(one), example)) for one in completions]
        votes = [
            Vote(None if choice is None else counted_as(example, choice), one.log_prob, one.completion_tokens)
            for one, choice in said
        ]
        failures = failures_of(STEP, completions)
        failures += tuple(
            Failure(STEP, "cut off" if one.finish_reason == "length" else "unparsed", one.text[:200])
            for one, choice in said
            if choice is None and not one.reason
        )
        voted = plurality(votes, self.weights)
        if voted is None:
            return TeacherRecord(example.id, (), {}, failures=failures)
        shares = self._shares(example, votes) if example.choices else None
        return TeacherRecord(example.id, (), {}, *voted, shares, failures)

    def _shares(self, example: Example, votes: Sequence[Vote]) -> tuple[float, ...]:
        """Return the log of each choice's part of the votes."""
        texts = readings(example.choices)
        mass = dict.fromkeys(texts, 0.0)
        for vote in votes:
            if vote.choice is not None:
                mass[texts[place(vote.choice)]] += vote.weight(self.weights)
        total, spread = math.fsum(mass.values()), self.smoothing / len(texts)
        return tuple(math.log((1 - self.smoothing) * mass[text] / total / texts.count(text) + spread) for text in texts)

    def _prompt(self, example: Example, task: Task) -> Prompt:
        turns = [
            (self._ask.render({"question": task.question(shown.example)}), reply)
            for shown, reply in self.prompt.shown(example, task)
        ]
        asked = self._ask.render({"question": task.question(example)})
        return Prompt(chat(self.prompt.instruction, turns, asked), Request("answer", example))


def _whole(completion: Completion) -> str:
    """Return what a completion says, without what may be half a label: where it was cut off, its whole lines alone."""
    return finished_part(completion.text) if completion.finish_reason == "length" else completion.text


def _refused(index: int, text: str) -> str | None:
    """Return why a completion is not an answer; what cannot be read is counted, and not drawn again. A `Refuse`."""
    return refusal(text)
