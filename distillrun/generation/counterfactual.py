"""Counterfactual rationales: the teacher is given a wrong answer and argues for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import ClassVar

from distillrun.generation.few_shot_rationale import FewShotRationale
from distillrun.generation.shared.ability import MayHaveOwnTeacher
from distillrun.generation.shared.few_shot import Adjectives, FewShotPrompt, failures_of, rationale_of
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag
from distillrun.records import Example, Sampling, TeacherRecord, wrong_choices
from distillrun.text.refusal import unusable


@dataclass(frozen=True)
class Counterfactual(MayHaveOwnTeacher):
    """Rationales for wrong choices, with the prompt of few_shot_rationale.

    A choice that repeats the right one's text is not wrong, and is not argued for.

    Args:
        prompt, adjectives, sampling, teacher, tags: as in few_shot_rationale.
        choices: how many of the wrong choices of each question are argued for, drawn by seed; None = all.

    Source: arXiv:2504.16056; SCOTT, https://arxiv.org/abs/2305.01879.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it argues for a wrong choice; use generation=chain_of_thought generation.steps.chain_of_thought.wrong=keep"
    )

    prompt: FewShotPrompt
    adjectives: Adjectives
    choices: int | None
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    needs = frozenset[str]()
    told_answers = True
    makes = frozenset({"counterfactual"})

    def __post_init__(self) -> None:
        if self.choices is not None and self.choices < 1:
            raise ValueError(f"choices={self.choices} must be 1 or more, or null for all wrong choices")
        _ = self._asking

    @cached_property
    def _asking(self) -> FewShotRationale:
        return FewShotRationale(self.prompt, self.adjectives, self.sampling, self.teacher, self.tags)

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        asked = [(example, choice) for example in examples for choice in self.wrong(example, context.seed)]
        prompts = [self._asking.ask(example, choice, context.task, context.seed) for example, choice in asked]
        answers = iter(context.complete(prompts, self.sampling, self.teacher, unusable))
        for example in examples:
            found = [(choice, made) for choice in self.wrong(example, context.seed) for made in next(answers)]
            made = tuple(
                rationale_of(completion, choice, "counterfactual", "initial", "counterfactual")
                for choice, completion in found
                if not completion.reason
            )
            failures = failures_of("counterfactual", [completion for _, completion in found])
            yield TeacherRecord(example.id, made, {}, failures=failures)

    def wrong(self, example: Example, seed: int) -> list[int]:
        """Return the wrong choices that are argued for, in order: a pure function of the seed and the question's id."""
        wrong = wrong_choices(example)
        if self.choices is None or self.choices >= len(wrong):
            return wrong
        return sorted(Random(f"{seed}:wrong:{example.id}").sample(wrong, self.choices))
