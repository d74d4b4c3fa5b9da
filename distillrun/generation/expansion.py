"""New questions, written by the teacher after those of the task."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import ClassVar, Literal

from distillrun.errors import ConfigError
from distillrun.generation.shared.ability import MayHaveOwnTeacher, must_serve
from distillrun.generation.shared.few_shot import chat
from distillrun.generation.shared.near_duplicate import NearDuplicates
from distillrun.generation.shared.new_question import CONTENT_CHECKS, FORM_CHECKS, QuestionRules, mixed
from distillrun.generation.shared.question_writer import STEP_FIELDS, Order, QuestionWriter
from distillrun.interfaces import AnyTeacher, GenerationContext, Tag
from distillrun.records import Example, Prompt, Request, Sampling, TeacherRecord, is_right, repeats_choices
from distillrun.text.template import Template

HELD_OUT, TRAIN, NEW = (f"near-duplicate of a {which} question" for which in ("dev or test", "training", "new"))
NOT_VERIFIED = "answered otherwise by the teacher itself"


@dataclass(frozen=True)
class Expansion(MayHaveOwnTeacher):
    """New questions: the teacher is asked until there are enough, and those that pass every check are kept.

    Checks, in this order, each counted: what the text must hold (JSON, keys, types, as many choices as there should be,
    no choice twice, lengths, the answer among the choices); near-duplicates of a dev or test question, of a training
    question, and of an earlier new one; and, with `verify`, the teacher's own answer to its question. What the text
    must hold is checked as it comes in, so that `generation.attempts` are made before it counts. The choices are put
    in a newly drawn order, since where a teacher puts the right one may give it away.

    Args:
        instruction: the system message.
        ask: what is asked after the demonstrations; field {number}, so that no two requests are equal.
        form: json asks for a whole question in one request; stepwise for question, answer and wrong choices in turn.
        steps: the three asks of the stepwise form: question, answer (field {question}), wrong (fields {question},
            {answer} and {count}; one choice a line), each with {number}, too.
        verify: what the teacher is asked to check a new question, field {question}; null = no check.
        count: how many new questions are wanted.
        max_requests: after so many candidates it ends all the same.
        demos: training questions that are shown, drawn for each request from those with as many different choices.
        choices: how many choices a question has.
        ngram: words side by side that are compared.
        max_overlap: more than this share of n-grams in common is a near-duplicate, see `NearDuplicates`; below 1.
        max_characters: of a question; of a choice, a third.
        sampling: temperature should be above 0.
        teacher: of this step alone; None = the run's.
        tags: ways of elicitation.

    Source: questions from demonstrations, as JSON or in steps: Sutanto et al. 2024, https://arxiv.org/abs/2412.09807,
    section 3.1; data generation in turns: GOLD, https://arxiv.org/abs/2403.19754.
    """

    CHOICES_ONLY: ClassVar[str] = (
        "it invents questions with choices; leave it out, and give more questions in task.files.train"
    )

    instruction: str
    ask: str
    form: Literal["json", "stepwise"]
    steps: Mapping[str, str]
    verify: str | None
    count: int
    max_requests: int
    demos: int
    choices: int
    ngram: int
    max_overlap: float
    max_characters: int
    sampling: Sampling
    teacher: AnyTeacher | None
    tags: tuple[Tag, ...]

    needs = frozenset[str]()
    told_answers = True
    makes = frozenset({"examples"})

    def __post_init__(self) -> None:
        for name in ("count", "max_requests", "demos", "ngram", "max_characters"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be 1 or more")
        if self.choices < 2 or not 0 <= self.max_overlap < 1:
            raise ValueError(
                f"choices={self.choices} must be 2 or more, and max_overlap={self.max_overlap} from 0 to below 1"
            )
        if set(self.steps) != set(STEP_FIELDS):
            raise ValueError(f"steps must have the keys {', '.join(STEP_FIELDS)}, not {sorted(self.steps)}")
        if self.sampling.samples != 1:
            raise ValueError(
                f"sampling.samples={self.sampling.samples} must be 1: each request has a prompt of its own"
            )
        _ = self._writer, self._verify  # a malformed template is found at once
        must_serve(self.teacher, self.abilities)

    @cached_property
    def _writer(self) -> QuestionWriter:
        ask = Template(self.ask, {"number"}, "ask")
        steps = {
            name: Template(self.steps[name], {*fields, "number"}, f"steps.{name}")
            for name, fields in STEP_FIELDS.items()
        }
        rules = QuestionRules(self.choices, self.max_characters)
        return QuestionWriter(self.instruction, ask, steps, rules, self.sampling, self.teacher)

    @cached_property
    def _verify(self) -> Template | None:
        return None if self.verify is None else Template(self.verify, {"question"}, "verify")

    @property
    def _checks(self) -> tuple[str, ...]:
        """All reasons that are counted, in order."""
        form = FORM_CHECKS if self.form == "json" else ()
        return (*form, *CONTENT_CHECKS, HELD_OUT, TRAIN, NEW, *(() if self.verify is None else (NOT_VERIFIED,)))

    def run(
        self, examples: Sequence[Example], records: Sequence[TeacherRecord], context: GenerationContext
    ) -> Iterator[TeacherRecord]:
        yield from (TeacherRecord(example.id, (), {}) for example in examples)

    def expand(
        self, examples: Sequence[Example], context: GenerationContext
    ) -> tuple[Sequence[Example], Mapping[str, int]]:
        pool = [example for example in examples if self._can_be_shown(example)]
        if not pool:
            raise ConfigError(
                f"generation step expansion: no training question with a known answer has choices={self.choices} "
                "different choices, so none can be shown; set choices to as many as the task's questions have"
            )
        known = NearDuplicates(self.ngram, self.max_overlap)
        known.add((example.question for example in context.held_out), HELD_OUT)
        known.add((example.question for example in examples), TRAIN)
        write = self._writer.whole if self.form == "json" else self._writer.stepwise
        removed: Counter[str] = Counter(dict.fromkeys(self._checks, 0))
        kept: list[Example] = []
        asked = 0
        while len(kept) < self.count and asked < self.max_requests:
            wave = min(self.count - len(kept), self.max_requests - asked)
            numbers = range(asked + 1, asked + wave + 1)
            candidates = write([Order(number, self._drawn(number, pool, context.seed)) for number in numbers], context)
            asked += wave
            kept += self._verified(_new(candidates, known, removed), removed, context)
        return kept, {"candidates": asked, **removed, "kept": len(kept)}

    def _can_be_shown(self, example: Example) -> bool:
        return example.answer is not None and len(example.choices) == self.choices and not repeats_choices(example)

    def _drawn(self, number: int, pool: Sequence[Example], seed: int) -> list[Example]:
        """Return the training questions that one request shows: a pure function of the seed and its number."""
        return Random(f"{seed}:expansion:{number}").sample(pool, min(self.demos, len(pool)))

    def _verified(
        self, fresh: Sequence[Example], removed: Counter[str], context: GenerationContext
    ) -> Sequence[Example]:
        """Return the questions that the teacher answers as it said when it wrote them; all, where it is not asked."""
        if self._verify is None:
            return fresh
        prompts = []
        for example in fresh:
            asked = self._verify.render({"question": context.task.question(example)})
            prompts.append(Prompt(chat("", (), asked), Request("answer", example)))
        answers = context.complete(prompts, replace(self.sampling, temperature=0.0), self.teacher, only_one=True)
        agreed = [
            example
            for example, (made,) in zip(fresh, answers, strict=True)
            if not made.reason and is_right(example, context.task.parse(made.text, example))
        ]
        removed[NOT_VERIFIED] += len(fresh) - len(agreed)
        return agreed


def _new(candidates: Sequence[Example | str], known: NearDuplicates, removed: Counter[str]) -> list[Example]:
    """Return the candidates that are questions and unlike all known ones, and count why the others are not."""
    fresh = []
    for candidate in candidates:
        reason = candidate if isinstance(candidate, str) else known.group_of(candidate.question)
        if reason is not None:
            removed[reason] += 1
        elif isinstance(candidate, Example):
            known.add([candidate.question], NEW)
            fresh.append(mixed(candidate))
    return fresh
