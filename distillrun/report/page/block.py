"""The blocks of a page. A block may hold any text: each writer cleans and escapes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["good", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or two."""

    text: str
    state: State = "plain"


@dataclass(frozen=True, slots=True)
class Code:
    """Text to read or copy as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns whose position is in `numbers` are aligned to the right. One that has a `name` can be copied, too.

    `pages` are the files that the first cells link to, by their paths from the page's folder; empty for no link.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    name: str = ""
    pages: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG drawing of ours, the sentence under it, and the same as a table where drawings cannot be shown.

    One that has a `name` is also written as files of its own.
    """

    svg: str
    caption: str
    table: Table
    name: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a question, and whether it is the right one and the predicted one."""

    text: str
    gold: bool
    predicted: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One question with the student's prediction."""

    question: str
    choices: Sequence[Choice]
    verdict: str
    state: State
    text: str
    rationale: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, and whether it is new or gone against an earlier version."""

    text: str
    mark: Literal["same", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Story:
    """A title and labelled texts, whose pieces may be marked."""

    title: str
    parts: Sequence[tuple[str, Sequence[Piece]]]


Block: TypeAlias = Paragraph | Code | Table | Figure | Card | Story


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page. `status` is one word, `summary` the sentence a reader came for; `wide` makes room for tables."""

    title: str
    status: str
    state: State
    summary: str
    sections: Sequence[Section]
    wide: bool = False
