"""Soft labels: the teacher's probability of each choice."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import ascii_uppercase
from typing import ClassVar, Literal

from distillrun.errors import ConfigError
from distillrun.generation.shared.ability import MayHaveOwnTeacher, must_serve
from distillrun.generation.shared.few_shot import FewShotPrompt, chat
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag, Task
from distillrun.records import Example, Prompt, Request, ScoredContinuation, TeacherRecord, gold_choice, reading
from distillrun.text.template import Template


@dataclass(frozen=True)
class ChoiceScores(MayHaveOwnTeacher):
    """The log-probs of a question's choices, each scored as a continuation and normalised over all of them.

    Choices with equal texts share their probability, so that each text counts once.

    Args:
        prompt: its `ask` has fields {question} (as the task writes it) and {lettered} (the bare question with one
            lettered choice in each line).
        form: score the letter of a choice, or its answer text.
        continuation: what follows the prompt; field {answer}, or {letter}.
        prior: a prompt without the question whose score of the same continuation is taken off; None = no correction.
        normalise: sum of the log-probs of a continuation's tokens, or their mean (token).
        temperature: of the softmax over the choices, above 0.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: Sutanto et al. 2024, https://arxiv.org/abs/2412.09807, section 3.2; the correction by the prior: Holtzman et
    al. 2021, https://arxiv.org/abs/2104.08315, equation 3.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it scores each choice; use generation=self_consistency or label, whose votes tell how sure a teacher is"
    )

    prompt: FewShotPrompt
    form: Literal["letter", "text"]
    continuation: str
    prior: str | None
    normalise: Literal["sum", "token"]
    temperature: float
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    abilities = ("score",)
    needs = frozenset[str]()
    makes = frozenset({"choice_scores"})

    def __post_init__(self) -> None:
        _ = self._ask, self._continuation
        must_serve(self.teacher, self.abilities)
        if self.temperature <= 0:
            raise ValueError(f"temperature={self.temperature} must be above 0")

    @cached_property
    def _ask(self) -> Template:
        return Template(self.prompt.ask, {"question", "lettered"}, "prompt.ask")

    @cached_property
    def _continuation(self) -> Template:
        return Template(self.continuation, {"letter" if self.form == "letter" else "answer"}, "continuation")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        prompts = [self._prompt(example, context.task) for example in examples]
        ends = [self.continuations(example, context.task) for example in examples]
        found = context.score(prompts, ends, self.teacher)
        priors = self._priors(examples, ends, context)
        for example, scores, prior in zip(examples, found, priors, strict=True):
            values = [self._value(score) - other for score, other in zip(scores, prior, strict=True)]
            yield TeacherRecord(example.id, (), {}, choice_log_probs=normalised(values, example, self.temperature))

    def _priors(
        self, examples: Sequence[Example], ends: Sequence[Sequence[str]], context: GenerationContext
    ) -> list[list[float]]:
        """Return what is taken off each question's scores; the same continuations are scored once for all questions."""
        if self.prior is None:
            return [[0.0] * len(own) for own in ends]
        first: dict[tuple[str, ...], Example] = {}
        for own, example in zip(ends, examples, strict=True):
            first.setdefault(tuple(own), example)
        asked = [Prompt(chat("", (), self.prior), Request("choices", example)) for example in first.values()]
        scores = dict(zip(first, context.score(asked, list(first), self.teacher), strict=True))
        return [[self._value(score) for score in scores[tuple(own)]] for own in ends]

    def continuations(self, example: Example, task: Task) -> list[str]:
        """Return what is scored for each choice."""
        choices = range(len(example.choices))
        if self.form == "letter":
            return [self._continuation.render({"letter": _letter(choice)}) for choice in choices]
        return [self._continuation.render({"answer": task.answer(example, choice)}) for choice in choices]

    def _value(self, score: ScoredContinuation) -> float:
        return score.log_prob / max(1, score.tokens) if self.normalise == "token" else score.log_prob

    def _prompt(self, example: Example, task: Task) -> Prompt:
        turns = [
            (self._asked(shown.example, task), self._shown(shown.example, task, reply))
            for shown, reply in self.prompt.shown(example, task)
        ]
        messages = chat(self.prompt.instruction, turns, self._asked(example, task))
        return Prompt(messages, Request("choices", example))

    def _shown(self, example: Example, task: Task, reply: str) -> str:
        """Return the reply of a demonstration: its letter where letters are scored, else what the prompt says."""
        return self.continuations(example, task)[gold_choice(example)].strip() if self.form == "letter" else reply

    def _asked(self, example: Example, task: Task) -> str:
        fields = {"question": task.question(example)}
        if "{lettered}" in self.prompt.ask:
            lines = [f"{_letter(place)}. {text}" for place, text in enumerate(example.choices)]
            fields["lettered"] = "\n".join([example.question.strip(), *lines])
        return self._ask.render(fields)


def normalised(values: Sequence[float], example: Example, temperature: float) -> tuple[float, ...]:
    """Return log-softmax over the choices of values / temperature; choices with equal texts share one place."""
    texts = [reading(text) for text in example.choices]
    best: dict[str, float] = {}
    for text, value in zip(texts, values, strict=True):
        best[text] = max(best.get(text, -math.inf), value / temperature)
    top = max(best.values())
    total = top + math.log(math.fsum(math.exp(value - top) for value in best.values()))
    return tuple(best[text] - total - math.log(texts.count(text)) for text in texts)


def _letter(choice: int) -> str:
    if choice >= len(ascii_uppercase):
        raise ConfigError(
            f"generation.steps.choice_scores.form=letter names {len(ascii_uppercase)} choices, and there are more; set "
            'form=text and continuation=" {answer}", with {question} in prompt.ask, or choose generation=label'
        )
    return ascii_uppercase[choice]
