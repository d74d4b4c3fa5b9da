"""The benchmark that ships with distillrun: everyday facts, five choices, made from a hand-written base."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import ClassVar

from distillrun.everyday.base import read_base
from distillrun.everyday.question import make_examples
from distillrun.everyday.wording import read_wording
from distillrun.interfaces import LabelSource
from distillrun.records import Answer, Example, Json, Split
from distillrun.task.shared.multiple_choice_text import MultipleChoiceText

VERSION = 1
"""Raised by hand when the same facts and seed give other questions."""


class Everyday:
    """Questions about everyday things in CommonsenseQA's schema.

    Args:
        question_template, choice_template, choice_separator, answer_template: as in `MultipleChoiceText`.
        split_seed: decides which facts are held out, the phrasings, the choices and their order.
        limit: the first so many examples of each split, for trials; null = all.
        shuffled_labels: train on labels drawn at random, as a control that must stay at chance. Dev and test keep
            theirs.
        label_source: of the training examples, see `LabelSource`; each has an answer, so that any but gold is a trial.
    """

    RESTS_ON: ClassVar = (MultipleChoiceText,)

    def __init__(
        self,
        question_template: str,
        choice_template: str,
        choice_separator: str,
        answer_template: str,
        split_seed: int,
        limit: int | None,
        shuffled_labels: bool,
        label_source: LabelSource = "gold",
    ) -> None:
        self._text = MultipleChoiceText(question_template, choice_template, choice_separator, answer_template)
        self._split_seed = split_seed
        self._limit = limit
        self._shuffled_labels = shuffled_labels
        self.label_source = label_source

    def check(self) -> list[str]:
        if self._limit is not None and self._limit < 1:
            return [f"task.limit={self._limit} leaves no example; set it to 1 or more, or to null for all"]
        return []

    def examples(self, split: Split) -> list[Example]:
        examples = _splits(self._split_seed)[split][: self._limit]
        if split == "train" and self._shuffled_labels:
            return [self._mislabelled(example) for example in examples]
        return examples

    def source(self) -> Mapping[str, Json]:
        return {
            "name": "everyday",
            "version": VERSION,
            "facts": read_base().digest,
            "wording": read_wording().digest,
        }

    def question(self, example: Example) -> str:
        return self._text.question(example)

    def student_question(self, example: Example) -> str:
        return self._text.student_question(example)

    def answer(self, example: Example, choice: Answer) -> str:
        return self._text.answer(example, choice)

    def parse(self, text: str, example: Example) -> int | None:
        return self._text.parse(text, example)

    def _mislabelled(self, example: Example) -> Example:
        draw = Random(f"{self._split_seed}/{example.id}")
        return replace(example, answer=draw.randrange(len(example.choices)))


@lru_cache(maxsize=2)
def _splits(seed: int) -> dict[Split, list[Example]]:
    """Return the examples of every split; tasks of one seed share them."""
    return make_examples(read_base(), read_wording(), seed)
