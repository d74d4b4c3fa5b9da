"""One chain of thought: what it argues, the answer that it ends in, and what becomes of it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from distillrun.interfaces import Task
from distillrun.records import Answer, Completion, Example, Rationale, agrees, counted_as
from distillrun.text.cleaning import clean_chain, without_run_on
from distillrun.text.finished import finished_part
from distillrun.text.refusal import refusal

Fate = Literal["unusable", "unparsed", "leaks the hint", "wrong", "no reasoning", "right"]


@dataclass(frozen=True, slots=True)
class Chain:
    """A completion that reasons and answers.

    Attributes:
        completion: as the teacher wrote it.
        text: its argument alone, cleaned.
        choice: the answer that it ends in, of equal choices the first; None = unparsed.
        origin: forward: the answer was not given; hinted: it was.
    """

    completion: Completion
    text: str
    choice: Answer | None
    origin: Literal["forward", "hinted"]

    def fate(self, example: Example, target: Answer | None, leak: re.Pattern[str]) -> Fate:
        """Return what becomes of the chain: exactly one thing.

        Args:
            example: the question.
            target: the right answer or, where it is not known, the voted one; None = no chain was understood.
            leak: what a hinted chain must not say.
        """
        if self.completion.reason:
            return "unusable"
        if self.choice is None:
            return "unparsed"
        if self.origin == "hinted" and leak.search(self.completion.text):
            return "leaks the hint"
        if target is None or not agrees(example, self.choice, target):
            return "wrong"
        return "right" if self.text else "no reasoning"

    def rationale(self, supports: Answer, kind: Literal["factual", "counterfactual"]) -> Rationale:
        """Return the chain as an argument for an answer."""
        made = self.completion
        return Rationale(
            self.text,
            made.text,
            supports,
            kind,
            "initial",
            self.origin,
            made.teacher,
            made.finish_reason,
            made.log_prob,
        )


def chain_of(completion: Completion, example: Example, origin: Literal["forward", "hinted"], task: Task) -> Chain:
    """Return a completion as a chain. What it invents after its own answer is neither parsed nor kept.

    Where it was cut off before it invented anything, its last sentence is not parsed, which may end in half an answer.
    """
    said = without_run_on(completion.text)
    if completion.finish_reason == "length" and said.rstrip() == completion.text.rstrip():
        said = finished_part(said)
    choice = None if completion.reason else task.parse(said, example)
    if choice is not None:
        choice = counted_as(example, choice)
    return Chain(completion, clean_chain(completion.text), choice, origin)


def refused(index: int, text: str) -> str | None:
    """Return why a completion is not a chain; one that only answers is, since it votes. A `Refuse`."""
    return refusal(clean_chain(text) or without_run_on(text))


def leaks_of(patterns: Iterable[str], hint: str) -> re.Pattern[str]:
    """Return what tells of a hint: the hint itself, or a match of one of the patterns, whatever the case.

    Raises ValueError where a pattern is not a regular expression.
    """
    told = [re.escape(hint.strip())] if hint.strip() else []
    try:
        return re.compile("|".join(f"(?:{pattern})" for pattern in (*told, *patterns)) or r"(?!)", re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"leaks={list(patterns)} must hold regular expressions: {error}") from error
