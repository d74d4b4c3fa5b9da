"""Few-shot prompting: demonstrations before the question, and rationales from the completions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from random import Random
from typing import Literal, Protocol, runtime_checkable

from distillrun.interfaces import Task
from distillrun.records import Answer, Completion, Example, Failure, FreeAnswer, Message, Rationale, Record, gold
from distillrun.text.cleaning import clean
from distillrun.text.repeats import asked as question_of
from distillrun.text.template import Template

REPLY_FIELDS = frozenset({"answer", "rationale", "critique", "revision"})
ROWS: Literal["rows"] = "rows"
"""Stands for demonstrations that are training rows; a run puts them there before it asks."""


@dataclass(frozen=True, slots=True)
class Demonstration(Record):
    """A solved question that stands before the one that is asked. Raises ValueError where it is not whole.

    `choices` is empty where answers are in free form.

    `critique` finds a fault of `rationale`, and `revision` is the rationale without it; only the steps of those names
    need them.
    """

    question: str
    choices: tuple[str, ...]
    answer: str
    rationale: str
    critique: str = ""
    revision: str = ""

    def __post_init__(self) -> None:
        if self.choices and self.answer not in self.choices:
            raise ValueError(f"the answer {self.answer!r} of {self.question!r} is not among {self.choices}")

    @property
    def example(self) -> Example:
        """The question as an example; without choices, its answer is in free form."""
        answer = self.choices.index(self.answer) if self.choices else FreeAnswer(self.answer, self.answer)
        return Example(self.question, self.question, self.choices, answer)

    @property
    def fields(self) -> dict[str, str]:
        """The fields that a reply may show, except for the answer, which the task writes."""
        return {"rationale": self.rationale, "critique": self.critique, "revision": self.revision}


@dataclass(frozen=True, slots=True)
class Adjectives(Record):
    """Words that describe the assistant: two of the list that `tone` names, drawn for each question.

    Source: the affixes of arXiv:2504.16056; negative ones give rationales that are bad on purpose.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    tone: Literal["positive", "negative"]

    def __post_init__(self) -> None:
        if len(self._words) < 2:
            raise ValueError(f"adjectives.{self.tone} needs two words or more, not {list(self._words)}")

    @property
    def _words(self) -> tuple[str, ...]:
        return self.positive if self.tone == "positive" else self.negative

    def pair(self, seed: int, example: Example) -> str:
        """Return "x and y", two different words: a pure function of the seed and the question's id."""
        return " and ".join(Random(f"{seed}:adjectives:{example.id}").sample(self._words, 2))


@dataclass(frozen=True, slots=True)
class FewShotPrompt(Record):
    """The texts of a prompt with demonstrations.

    Attributes:
        instruction: the system message.
        ask: what is asked of each question, both of demonstrations and of the question itself.
        reply: what the teacher is shown to reply to a demonstration; fields {answer}, {rationale}, {critique} and
            {revision}.
        demos: how many demonstrations are shown, 0 for none.
        demonstrations: solved questions, or `ROWS`; the first `demos` that are not the question itself.
    """

    instruction: str
    ask: str
    reply: str
    demos: int
    demonstrations: tuple[Demonstration, ...] | Literal["rows"]

    def __post_init__(self) -> None:
        _reply(self.reply)
        if self.demos < 0 or (self.demonstrations != ROWS and self.demos > len(self.demonstrations)):
            raise ValueError(
                f"prompt.demos={self.demos} must be from 0 to {len(self.demonstrations)}, the number of "
                f"prompt.demonstrations; prompt.demonstrations={ROWS} shows training rows"
            )
        for shown in self.written if self.demos else ():
            absent = [name for name in ("critique", "revision") if self.shows(name) and not shown.fields[name]]
            if absent:
                raise ValueError(f"the demonstration {shown.question!r} has no {absent[0]}, which prompt.reply shows")

    @property
    def written(self) -> tuple[Demonstration, ...]:
        """The demonstrations that stand here: none where they are training rows that nobody put here yet."""
        return () if self.demonstrations == ROWS else self.demonstrations

    def shows(self, field: str) -> bool:
        """Return whether a reply shows a field."""
        return f"{{{field}}}" in self.reply

    def shown(self, example: Example, task: Task) -> list[tuple[Demonstration, str]]:
        """Return the first demonstrations that are not the question itself, each with its reply."""
        return self._replied(self._others(example)[: self.demos], task)

    def drawn(self, example: Example, seed: str, task: Task) -> list[tuple[Demonstration, str]]:
        """Return demonstrations as `shown` does, but drawn: a pure function of the seed and the question's id."""
        others = self._others(example)
        return self._replied(Random(f"{seed}:{example.id}").sample(others, min(self.demos, len(others))), task)

    def _others(self, example: Example) -> list[Demonstration]:
        known = question_of(example)
        return [one for one in self.written if one.question != example.question and _asks(one) != known]

    def _replied(self, demonstrations: Sequence[Demonstration], task: Task) -> list[tuple[Demonstration, str]]:
        reply = _reply(self.reply)
        replies = []
        for shown in demonstrations:
            answer = task.answer(shown.example, gold(shown.example))
            replies.append((shown, reply.render(shown.fields | {"answer": answer})))
        return replies


@runtime_checkable
class FewShotStep(Protocol):
    """A step whose prompt shows demonstrations."""

    @property
    def prompt(self) -> FewShotPrompt: ...


@lru_cache(maxsize=1024)
def _asks(shown: Demonstration) -> str:
    return question_of(shown.example)


@cache
def _reply(text: str) -> Template:
    return Template(text, REPLY_FIELDS, "prompt.reply")


def question_and_answer(example: Example, choice: Answer, task: Task) -> dict[str, str]:
    """Return the fields {question} and {answer} of a template."""
    return {"question": task.question(example), "answer": task.answer(example, choice)}


def chat(instruction: str, turns: Sequence[tuple[str, str]], ask: str) -> tuple[Message, ...]:
    """Return an instruction (left out where empty), solved turns (asked, replied) and the final ask as a chat."""
    messages = [Message("system", instruction)] if instruction else []
    for asked, replied in turns:
        messages += [Message("user", asked), Message("assistant", replied)]
    return (*messages, Message("user", ask))


def rationale_of(
    completion: Completion,
    supports: Answer,
    kind: Literal["factual", "counterfactual"],
    version: Literal["initial", "revised"],
    origin: str,
) -> Rationale:
    """Return a completion as a rationale: cleaned for the student, the raw text kept with it."""
    return Rationale(
        clean(completion.text),
        completion.text,
        supports,
        kind,
        version,
        origin,
        completion.teacher,
        completion.finish_reason,
        completion.log_prob,
    )


def failures_of(step: str, completions: Sequence[Completion]) -> tuple[Failure, ...]:
    """Return what could not be used of a step's completions."""
    return tuple(Failure(step, made.reason, made.text[:200]) for made in completions if made.reason)
