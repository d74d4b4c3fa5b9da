"""The surface of a chart: a matplotlib figure that is measured in pixels, and the words that stand on it."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from distillrun.report.page.palette import colour, of_series
from distillrun.text.display import plain, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 720
NARROW = 340
"""The width of charts for a telephone."""

TEXT = 12
"""The size of all text of a chart, in pixels."""

LONGEST = 300
"""Letters of a text, before it is measured."""

MOST_TOLD = 40
"""Of values in a chart's description."""


class Chart:
    """A chart on an empty figure, where a point of matplotlib is a pixel.

    Args:
        width, height: in pixels.
        title: what the chart shows.
        values: what it shows of each thing, for those who can't see it.
    """

    def __init__(self, width: float, height: float, title: str, values: Sequence[str]) -> None:
        from matplotlib.figure import Figure

        self.width, self.height, self.title = width, height, one_line(title)
        left_out = [f"and {len(values) - MOST_TOLD} more"] if len(values) > MOST_TOLD else []
        self.description = "; ".join(map(one_line, [*values[:MOST_TOLD], *left_out]))
        self.figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor="none")

    def axes(self, left: float, top: float, right: float, bottom: float) -> "Axes":
        """Return axes that keep so many pixels away from the edges."""
        wide, tall = self.width - left - right, self.height - top - bottom
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, wide / self.width, tall / self.height), clip_on=False
        )


@dataclass(frozen=True, slots=True)
class Key:
    """The names of the series next to their colours, in as many columns as have room."""

    names: Sequence[str]
    left: float
    width: float

    @property
    def columns(self) -> int:
        """How many names stand side by side."""
        widest = max(width_of(fitting(name, self.room)) for name in self.names)
        return max(1, int((self.width - self.left) / (widest + 38)))

    @property
    def room(self) -> float:
        """The width that a name may take."""
        return self.width - self.left - 24

    @property
    def height(self) -> float:
        """The room that it takes at the top of a chart, in pixels."""
        return 18.0 * -(-len(self.names) // self.columns) + 16

    def draw(self, chart: Chart) -> None:
        """Write it at the top of a chart."""
        from matplotlib.lines import Line2D

        marks = [Line2D([], [], color=of_series(index), linewidth=4) for index in range(len(self.names))]
        labels = [fitting(name, self.room) for name in self.names]
        at = (self.left / chart.width, 1.0)
        chart.figure.legend(marks, labels, loc="upper left", bbox_to_anchor=at, ncols=self.columns)


@contextmanager
def style() -> Iterator[None]:
    """Draw in the page's style within the block, whatever the user's or a folder's matplotlibrc says."""
    from matplotlib import rc_context, rcParams

    with rc_context():
        parameters: dict[Any, Any] = rcParams
        dict.update(parameters, _settings())  # checked when they were read; rcParams.update would check them each time
        yield


@cache
def _settings() -> dict[str, Any]:
    from matplotlib import rc_params_from_file

    with as_file(files("distillrun.report.page").joinpath("page.mplstyle")) as path:
        settings: dict[Any, Any] = dict(rc_params_from_file(path, fail_on_error=True))  # over matplotlib's defaults
    del settings["backend"]  # which no chart uses, and reading it would choose one
    quiet = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
    return {**settings, **dict.fromkeys(quiet, colour("quiet")), "grid.color": colour("rule")}


def one_line(text: str) -> str:
    """Return a text as one line that XML can hold, without anything that acts on a terminal."""
    return " ".join(plain(text).translate({0xFFFE: None, 0xFFFF: None}).split())


def fitting(text: str, width: float) -> str:
    """Return a text as one line, shortened to what fits a width."""
    line = shortened(one_line(text), LONGEST)
    lengths = range(2, len(line) + 1)
    if not lengths or width_of(line) <= width:
        return line
    fit = bisect_right(lengths, width, key=lambda length: width_of(shortened(line, length)))
    return shortened(line, lengths[max(0, fit - 1)])


@lru_cache(maxsize=4096)
def width_of(text: str) -> float:
    """Return how wide a text is, in pixels."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=["DejaVu Sans"], size=TEXT)
    wide, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(wide)
