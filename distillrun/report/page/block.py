"""The blocks of a page. A block may hold any text: each writer cleans and escapes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias
from urllib.parse import quote

from distillrun.report.page.canvas import Chart

State: TypeAlias = Literal["good", "bad", "plain"]


class Drawing(Protocol):
    """Draws a chart of any width, so that a narrow screen gets one of its own rather than a shrunken one."""

    def __call__(self, *, width: float) -> Chart: ...


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or two."""

    text: str
    state: State = "plain"


@dataclass(frozen=True, slots=True)
class Code:
    """Text to read or copy as it is. One that is `folded` shows that line, and itself when the reader unfolds it."""

    text: str
    folded: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads to a file; `path` is relative to the page's folder."""

    text: str
    path: str

    @property
    def address(self) -> str:
        """The path as an address, which leads to a file and nowhere else, whatever the file is called."""
        return "./" + quote(self.path, errors="surrogateescape")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns whose position is in `numbers` are aligned to the right. One that has a `name` can be copied, too.

    `links` holds, by (row, column), the links that stand in a cell instead of its text where links can be followed.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    name: str = ""
    links: Mapping[tuple[int, int], Sequence[Link]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, the sentence under it, and the same as a table where charts cannot be shown.

    One that has a `name` is also written as files of its own. Those that are `small` have one form for every screen,
    and stand side by side where there is room.
    """

    draw: Drawing
    caption: str
    table: Table
    name: str = ""
    small: bool = False


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
