"""Questions, their right answers, and the base of all stored records."""

import unicodedata
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import ClassVar, Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Split = Literal["train", "dev", "test"]


class Record:
    """Marks a class as stored: reading it back refuses unknown, missing or wrongly typed fields."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, object]] = {
        "extra": "forbid",
        "strict": True,
        "allow_inf_nan": False,
    }


@dataclass(frozen=True, slots=True)
class Example(Record):
    """One question. `answer` is an index into `choices`, since choices may repeat; None = not known.

    Because choices may repeat, choices are never compared by their indices: `is_right` and `reads_alike` compare them.

    `answers` takes its place where texts have several labels each: their places, ascending; no label is an answer, too.

    `group` names a part of a split that is also scored apart (`test/accuracy/<group>`), such as seen and unseen facts.
    """

    id: str
    question: str
    choices: tuple[str, ...]
    answer: int | None
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


def gold(example: Example) -> int:
    """Return the index of the right choice. Raises ValueError where it is not known: nothing can be taught then."""
    if example.answer is None:
        raise ValueError(f"example {example.id} has no answer and can neither be explained nor learnt from")
    return example.answer


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


def reads_alike(example: Example, choice: int | None, other: int | None) -> bool:
    """Return whether two choices have the same text; None, no choice, is like no other."""
    if choice is None or other is None:
        return False
    texts = readings(example.choices)
    return choice == other or texts[choice] == texts[other]


def is_right(example: Example, choice: int | None) -> bool:
    """Return whether a choice reads as the right one does: where choices repeat, each of the equal ones is right."""
    return reads_alike(example, choice, example.answer)


def wrong_choices(example: Example) -> list[int]:
    """Return the choices that are not right, in order."""
    return [choice for choice in range(len(example.choices)) if not is_right(example, choice)]


def first_alike(example: Example, choice: int) -> int:
    """Return the first of the choices that read as this one does: equal answers are counted under one index."""
    return _first_places(example.choices)[choice]


def repeats_choices(example: Example) -> bool:
    """Return whether two choices of a question have equal texts."""
    return len(set(readings(example.choices))) < len(example.choices)
