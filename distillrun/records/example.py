"""Questions, their right answers, and the base of all stored records."""

import unicodedata
from dataclasses import dataclass
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

    `group` names a part of a split that is also scored apart (`test/accuracy/<group>`), such as seen and unseen facts.
    """

    id: str
    question: str
    choices: tuple[str, ...]
    answer: int | None
    group: str | None = None


def gold(example: Example) -> int:
    """Return the index of the right choice. Raises ValueError where it is not known: nothing can be taught then."""
    if example.answer is None:
        raise ValueError(f"example {example.id} has no answer and can neither be explained nor learnt from")
    return example.answer


def reading(text: str) -> str:
    """Return a text as it reads: case, spacing and the composition of its characters do not count."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def reads_alike(example: Example, choice: int | None, other: int | None) -> bool:
    """Return whether two choices have the same text; None, no choice, is like no other."""
    if choice is None or other is None:
        return False
    return choice == other or reading(example.choices[choice]) == reading(example.choices[other])


def is_right(example: Example, choice: int | None) -> bool:
    """Return whether a choice reads as the right one does: where choices repeat, each of the equal ones is right."""
    return reads_alike(example, choice, example.answer)


def wrong_choices(example: Example) -> list[int]:
    """Return the choices that are not right, in order."""
    return [choice for choice in range(len(example.choices)) if not is_right(example, choice)]


def first_alike(example: Example, choice: int) -> int:
    """Return the first of the choices that read as this one does: equal answers are counted under one index."""
    return next(index for index in range(choice + 1) if reads_alike(example, index, choice))


def repeats_choices(example: Example) -> bool:
    """Return whether two choices of a question have equal texts."""
    return len(set(map(reading, example.choices))) < len(example.choices)
