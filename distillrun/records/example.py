"""Questions, and what every stored record is."""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Split = Literal["train", "dev", "test"]


class Record:
    """Marks a class as stored: reading it back refuses unknown, missing or wrongly typed fields."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True)
class Example(Record):
    """One question. `answer` is an index into `choices`, since choices may repeat; None = not known.

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


def is_right(example: Example, choice: int | None) -> bool:
    """Return whether a choice reads as the right one does: where choices repeat, each of the equal ones is right."""
    if choice is None or example.answer is None:
        return False
    return example.choices[choice].strip().casefold() == example.choices[example.answer].strip().casefold()
