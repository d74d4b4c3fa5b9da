"""Questions and their right answers."""

import unicodedata
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

from distillrun.records.answer import Answer, FreeAnswer, place
from distillrun.records.base import Json, Record

Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True)
class Example(Record):
    """One question. `answer` is an index into `choices`, since choices may repeat; None = not known.

    A question in free form has no choices, and its answer is a `FreeAnswer`.

    Because choices may repeat, choices are never compared by their indices: `is_right` and `reads_alike` compare them.

    `answers` takes its place where texts have several labels each: their places, ascending; no label is an answer, too.

    `group` names a part of a split that is also scored apart (`test/accuracy/<group>`), such as seen and unseen facts.
    """

    id: str
    question: str
    choices: tuple[str, ...]
    answer: Answer | None
    group: str | None = None
    answers: tuple[int, ...] | None = None


def is_answered(example: Example) -> bool:
    """Return whether it is known what is right: one answer, or several."""
    return example.answer is not None or example.answers is not None


def content(example: Example) -> dict[str, Json]:
    """Return what a fingerprint of an example is made of; answers that it does not have are no part of it."""
    return {name: value for name, value in asdict(example).items() if name != "answers" or value is not None}


@dataclass(frozen=True, slots=True)
class SolvedExample(Record):
    """A question whose right answer is known, with a rationale for it where there is one."""

    example: Example
    rationale: str = ""


def gold(example: Example) -> Answer:
    """Return the right answer. Raises ValueError where it is not known: nothing can be taught then."""
    if example.answer is None:
        raise ValueError(f"example {example.id} has no answer and can neither be explained nor learnt from")
    return example.answer


def gold_choice(example: Example) -> int:
    """Return the index of the right choice. Raises ValueError where it is not known, or is a text in free form."""
    return place(gold(example))


def reading(text: str) -> str:
    """Return a text as it reads: case, spacing and the composition of its characters do not count."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


@lru_cache(maxsize=1024)
def readings(choices: tuple[str, ...]) -> tuple[str, ...]:
    """Return choices as they read; those of a classification are the same for every text."""
    return tuple(map(reading, choices))


@lru_cache(maxsize=1024)
def _first_places(choices: tuple[str, ...]) -> tuple[int, ...]:
    """Return, of each choice, the first that reads as it does."""
    first: dict[str, int] = {}
    return tuple(first.setdefault(text, place) for place, text in enumerate(readings(choices)))


def reads_alike(example: Example, choice: Answer | None, other: Answer | None) -> bool:
    """Return whether two answers have the same text; None, no answer, is like no other."""
    if choice is None or other is None:
        return False
    if isinstance(choice, FreeAnswer) or isinstance(other, FreeAnswer):
        return isinstance(choice, FreeAnswer) and isinstance(other, FreeAnswer) and choice.key == other.key
    texts = readings(example.choices)
    return choice == other or texts[choice] == texts[other]


def is_right(example: Example, choice: Answer | None) -> bool:
    """Return whether an answer is right: a choice that reads as the right one, or a text that its task found right."""
    if isinstance(choice, FreeAnswer) and choice.right is not None:
        return choice.right
    return reads_alike(example, choice, example.answer)


def agrees(example: Example, answer: Answer | None, target: Answer | None) -> bool:
    """Return whether an answer says what another does; where that is the right one, whether it is right."""
    return is_right(example, answer) if target == example.answer else reads_alike(example, answer, target)


def wrong_choices(example: Example) -> list[int]:
    """Return the choices that are not right, in order."""
    return [choice for choice in range(len(example.choices)) if not is_right(example, choice)]


def first_alike(example: Example, choice: int) -> int:
    """Return the first of the choices that read as this one does: equal answers are counted under one index."""
    return _first_places(example.choices)[choice]


def counted_as(example: Example, answer: Answer) -> Answer:
    """Return an answer as votes are counted: the first of the choices that read as it does, or a text itself."""
    return answer if isinstance(answer, FreeAnswer) else first_alike(example, answer)


def answer_text(example: Example, answer: Answer) -> str:
    """Return what an answer says: the text of the choice, or the text itself."""
    return answer.text if isinstance(answer, FreeAnswer) else example.choices[answer]


def repeats_choices(example: Example) -> bool:
    """Return whether two choices of a question have equal texts."""
    return len(set(readings(example.choices))) < len(example.choices)
