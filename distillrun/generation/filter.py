"""Removal of rationales and questions that break a rule."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.generation.shared.ability import must_serve
from distillrun.generation.shared.few_shot import chat, question_and_answer
from distillrun.generation.shared.filter_rule import Rules, checks, per_word
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag
from distillrun.records import Example, Failure, Prompt, Rationale, Request, TeacherRecord, kind_of
from distillrun.text.template import Template

REQUESTS = ("score",)


@dataclass(frozen=True, slots=True)
class Passed:
    """A rationale that passed the rules, and the row of its example."""

    row: int
    rationale: Rationale


@dataclass(frozen=True)
class Filter:
    """The rationales that pass every rule and, of those, the fraction that ranks highest.

    Each removal is noted with the name of its rule. A rule sees only what the rules before it left.

    Args:
        kinds: which rationales are filtered: initial, revised, counterfactual.
        rules: see `Rules`.
        rank: what `top_share` ranks by: log_prob, the teacher's mean log-prob per word while writing, those last that
            have none; or difference, its log-prob of the rationale minus that of `reference`, per token of the teacher
            (the reference may cut the text otherwise): what a small model finds likely, too, teaches little.
        top_share: of the rationales that pass the rules, how many are kept, in (0, 1]; 1 keeps all.
        reference: the small model of `difference`.
        ask: the prompt after which a rationale is scored for `difference`; fields {question} and {answer}.
        tags: ways of elicitation.

    Source: difference sampling: MiniPLM, Gu et al. 2024, https://arxiv.org/abs/2410.17215, section 2.3; the textual
    rules are those that studies of rationales report on, such as arXiv:2504.16056.
    """

    kinds: tuple[Literal["initial", "revised", "counterfactual"], ...]
    rules: Rules
    rank: Literal["log_prob", "difference"]
    top_share: float
    reference: AnyTeacher | None
    ask: str
    tags: tuple[Tag, ...]

    def __post_init__(self) -> None:
        _ = self._ask
        if not self.kinds:
            raise ValueError("kinds is empty; name what is filtered, such as [initial]")
        if not 0 < self.top_share <= 1:
            raise ValueError(f"top_share={self.top_share} must be above 0 and at most 1")
        if self._scores and self.reference is None:
            raise ValueError("rank=difference needs a small model to compare with: set reference to a teacher")
        for teacher in self.teachers:
            must_serve(teacher, REQUESTS, "reference")

    @property
    def needs(self) -> frozenset[str]:
        judged = {"verdicts"} if self.rules.verdict else set()
        return frozenset({*self.kinds, *judged, *({"answers"} if self.rules.needs_answers else ())})

    @property
    def told_answers(self) -> bool:
        return self.rules.parsed

    @property
    def makes(self) -> frozenset[str]:
        return frozenset(self.kinds)

    @property
    def asks(self) -> frozenset[str]:
        return frozenset(REQUESTS if self._scores else ())

    @property
    def teachers(self) -> tuple[AnyTeacher, ...]:
        return (self.reference,) if self.reference is not None and self._scores else ()

    @property
    def _scores(self) -> bool:
        return self.rank == "difference" and self.top_share < 1

    @cached_property
    def _ask(self) -> Template:
        return Template(self.ask, {"question", "answer"}, "ask")

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        kept: list[list[Rationale]] = [[] for _ in examples]
        removed: list[list[Failure]] = [[] for _ in examples]
        passed = []
        for row, (example, record) in enumerate(zip(examples, records, strict=True)):
            for rationale in (one for one in record.rationales if kind_of(one) in self.kinds):
                broken = self.broken_rule(rationale, example, record)
                if broken is None:
                    passed.append(Passed(row, rationale))
                else:
                    removed[row].append(Failure("filter", broken, rationale.text[:200]))
        best = self._best(passed, examples, context)
        for place, one in enumerate(passed):
            if place in best:
                kept[one.row].append(one.rationale)
            else:
                removed[one.row].append(Failure("filter", "top_share", one.rationale.text[:200]))
        for example, own, dropped in zip(examples, kept, removed, strict=True):
            yield TeacherRecord(example.id, tuple(own), {}, failures=tuple(dropped))

    def broken_rule(self, rationale: Rationale, example: Example, record: TeacherRecord) -> str | None:
        """Return the first rule that a rationale breaks; None where it may stay."""
        found = (name for name, holds in checks(self.rules).items() if not holds(rationale, example, record))
        return next(found, None)

    def _best(self, passed: Sequence[Passed], examples: Sequence[Example], context: GenerationContext) -> set[int]:
        """Return the places of the share that ranks highest; among equals the earlier ones."""
        if self.top_share == 1 or not passed:
            return set(range(len(passed)))
        values = self._differences(passed, examples, context) if self._scores else self._likely(passed)
        order = sorted(range(len(passed)), key=lambda place: (-values[place], place))
        return set(order[: math.ceil(round(self.top_share * len(passed), 6))])  # 0.07 * 100 is a little more than 7

    def _likely(self, passed: Sequence[Passed]) -> list[float]:
        """Return the teacher's log-prob per word of each rationale."""
        values = [per_word(one.rationale) for one in passed]
        if all(value is None for value in values):
            raise ConfigError(
                f"generation step filter: top_share={self.top_share} ranks by log_prob, but the teacher returned none; "
                "choose a teacher that returns them, rank=difference with a reference, or top_share=1"
            )
        return [-math.inf if value is None else value for value in values]

    def _differences(
        self, passed: Sequence[Passed], examples: Sequence[Example], context: GenerationContext
    ) -> list[float]:
        """Return teacher minus reference, log-prob per token of the teacher, of each rationale."""
        prompts = [self._prompt(examples[one.row], one.rationale, context) for one in passed]
        texts = [[f" {one.rationale.text}"] for one in passed]
        teacher = context.score(prompts, texts)
        small = context.score(prompts, texts, self.reference)
        return [
            (large.log_prob - other.log_prob) / max(1, large.tokens)
            for (large,), (other,) in zip(teacher, small, strict=True)
        ]

    def _prompt(self, example: Example, rationale: Rationale, context: GenerationContext) -> Prompt:
        asked = self._ask.render(question_and_answer(example, rationale.supports, context.task))
        return Prompt(chat("", (), asked), Request("rationale", example, rationale.supports))
