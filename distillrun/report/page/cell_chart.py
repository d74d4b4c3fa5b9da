"""A chart of cells: means with intervals, and every run as a dot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distillrun.report.page.axis import axis_label, is_far_from_zero, ticks
from distillrun.report.page.canvas import NARROW, Chart, Key, fitting, width_of
from distillrun.report.page.palette import COLOURS, colour, of_series
from distillrun.text.display import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT, RIGHT, PLOT, BOTTOM = 56.0, 16.0, 230.0, 28.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A cell: its mean, the interval of the mean (nan where unknown), and the value of every run."""

    name: str
    mean: float
    low: float
    high: float
    runs: Sequence[float]


@dataclass(frozen=True, slots=True)
class CellChart:
    """Cells side by side, upright or, where there are too many for that, lying with their names.

    Means are bars from 0 where these show how cells differ, else strokes on an axis that spans the values. In percent,
    whiskers end at 0 and 100: an interval of few runs may reach beyond.

    Attributes:
        groups: names of groups, with their cells; there is at least one cell. Cells of one name share a colour.
        unit: of the values.
        chance: what guessing would score.
        scale: the ends of the scale that the values were given on, as of a rating; None = none.
    """

    groups: Sequence[tuple[str, Sequence[Bar]]]
    unit: str
    chance: float | None = None
    scale: tuple[float, float] | None = None

    @property
    def has_bars(self) -> bool:
        """True if means are drawn as bars from 0."""
        values = [value for bar in self._bars for value in (bar.mean, *bar.runs) if math.isfinite(value)]
        return self.scale is None and not is_far_from_zero(values)

    @property
    def caption(self) -> str:
        """The beginning of a sentence that says what the marks are, and how the axis could mislead."""
        if self.has_bars:
            return "Bars are means"
        first = axis_label(self._levels[0], self.unit)
        return f"Thick strokes are means (the axis begins at {first})" if self._levels[0] else "Thick strokes are means"

    @property
    def off_axis(self) -> str:
        """A sentence that says where chance lies, if the axis does not reach it; else empty."""
        if self.chance is None or self._shows(self.chance):
            return ""
        return f" Chance, {axis_label(round(self.chance, 2), self.unit)}, lies outside the drawing."

    def draw(self, width: float) -> Chart:
        """Return the chart at a width."""
        names = list(dict.fromkeys(bar.name for bar in self._bars))
        slot = (width - LEFT - RIGHT) / len(self.groups)
        most = max(len(bars) for _, bars in self.groups)
        has_room = slot * 0.88 / most >= 14 and all(width_of(group) <= slot for group, _ in self.groups)
        if len(names) > COLOURS or not has_room:
            return self._lying(width)
        return self._upright(names, slot, width)

    @property
    def _bars(self) -> list[Bar]:
        return [self._within(bar) for _, bars in self.groups for bar in bars]

    @property
    def _levels(self) -> list[float]:
        if self.scale is not None:
            return ticks(*self.scale)
        ends = [end for bar in self._bars for end in (bar.mean, bar.low, bar.high, *bar.runs) if math.isfinite(end)]
        if self.has_bars:
            ends += [0.0, *([] if self.chance is None else [self.chance])]
        return ticks(min(ends, default=0.0), max(ends, default=1.0))

    def _shows(self, value: float) -> bool:
        return self._levels[0] <= value <= self._levels[-1]

    def _within(self, bar: Bar) -> Bar:
        least, most = (0.0, 100.0) if self.unit == "%" else self.scale or (-math.inf, math.inf)
        low, high = (end if end != end else min(most, max(least, end)) for end in (bar.low, bar.high))
        return Bar(bar.name, bar.mean, low, high, bar.runs)

    def _upright(self, names: Sequence[str], slot: float, width: float) -> Chart:
        key = Key(names, LEFT, width)
        chart = self._chart(width, key.height + PLOT + BOTTOM)
        axes = chart.axes(LEFT, key.height, RIGHT, BOTTOM)
        key.draw(chart)
        axes.set_xlim(0, slot * len(self.groups))  # in pixels
        axes.set_ylim(self._levels[0], self._levels[-1])
        middles = [(place + 0.5) * slot for place in range(len(self.groups))]
        axes.set_xticks(middles, [fitting(group, slot) for group, _ in self.groups])
        axes.set_yticks(self._levels, [axis_label(level, self.unit) for level in self._levels])
        axes.grid(axis="y")
        for middle, (_, bars) in zip(middles, self.groups, strict=True):
            wide = min(48.0, slot * 0.88 / len(bars))
            for index, bar in enumerate(map(self._within, bars)):
                at = middle + (index + 0.5 - len(bars) / 2) * wide
                self._mark(axes, bar, of_series(names.index(bar.name)), (at, 0.4 * wide), is_upright=True)
        if self.chance is not None and self._shows(self.chance):
            axes.axhline(self.chance, **_chance_line())
            axes.annotate("chance", (1, self.chance), (0, 5), ("axes fraction", "data"), "offset points", ha="right")
        return chart

    def _lying(self, width: float) -> Chart:
        """Draw a row for each cell: its name before the marks or, in a narrow chart, above them."""
        is_narrow = width <= NARROW
        left, top, tall, heading = (24.0, 22.0, 38.0, 22.0) if is_narrow else (190.0, 22.0, 22.0, 22.0)
        high = sum(heading * bool(group) + tall * len(bars) for group, bars in self.groups)
        chart = self._chart(width, top + high + BOTTOM)
        axes = chart.axes(left, top, 30, BOTTOM)
        axes.set_xlim(self._levels[0], self._levels[-1])
        axes.set_ylim(high, 0)  # in pixels
        labels = [axis_label(level, self.unit) for level in self._levels]
        axes.set_xticks(self._levels, ["" if is_narrow and n % 2 else label for n, label in enumerate(labels)])
        axes.set_yticks([])
        axes.grid(axis="x")
        y = 0.0
        for group, bars in self.groups:
            if group:
                axes.annotate(fitting(group, width), (-left, y + 15), xycoords=(("axes points"), "data"))
                y += heading
            for bar in map(self._within, bars):
                name, side, down = (24.0, "left", 14.0) if is_narrow else (left - 12, "right", tall / 2 + 4)
                at = (name, y + down)
                axes.annotate(
                    fitting(bar.name, width - left if is_narrow else name),
                    at,
                    xycoords=("figure points", "data"),
                    ha=side,
                )
                self._mark(axes, bar, of_series(0), (y + tall - 11, 8.0), is_upright=False)
                y += tall
        if self.chance is not None and self._shows(self.chance):
            axes.axvline(self.chance, **_chance_line())
            axes.annotate("chance", (self.chance, 1), (0, 8), ("data", "axes fraction"), "offset points", ha="center")
        return chart

    def _chart(self, width: float, height: float) -> Chart:
        told = []
        for group, bars in self.groups:
            for bar in map(self._within, bars):
                mean, low, high = (
                    f"{number(round(value, 2))} {self.unit}".rstrip() for value in (bar.mean, bar.low, bar.high)
                )
                where = f"{group}, {bar.name}" if group else bar.name
                told.append(f"{where}: {mean}" + (f", {low} to {high}" if math.isfinite(bar.low) else ""))
        return Chart(width, height, f"Means of {', '.join(dict.fromkeys(bar.name for bar in self._bars))}", told)

    def _mark(self, axes: "Axes", bar: Bar, paint: str, across: tuple[float, float], is_upright: bool) -> None:
        """Draw a cell: its mean, a dot for every run side by side, and the interval over them.

        `across` is the middle of the cell's strip, and half the width of a mark.
        """
        middle, half = across

        def draw(values: Sequence[float], aside: Sequence[float], **look: Any) -> None:
            axes.plot(*((aside, values) if is_upright else (values, aside)), clip_on=False, **look)

        if self.has_bars:
            fill = axes.bar if is_upright else axes.barh
            fill(middle, bar.mean, 2 * half, color=paint, alpha=0.45, clip_on=False)
        else:
            draw([bar.mean] * 2, [middle - half, middle + half], color=paint, linewidth=3, solid_capstyle="butt")
        spread = 1.2 * half / max(1, len(bar.runs) - 1)
        aside = [middle + spread * (n - (len(bar.runs) - 1) / 2) for n in range(len(bar.runs))]
        draw(bar.runs, aside, color=paint, linestyle="", marker="o", markersize=5)
        if math.isfinite(bar.low) and math.isfinite(bar.high):
            ink = colour("text")
            draw([bar.low, bar.high], [middle] * 2, color=ink, linewidth=1.5)
            for end in (bar.low, bar.high):
                draw([end] * 2, [middle - 4, middle + 4], color=ink, linewidth=1.5)


def _chance_line() -> dict[str, Any]:
    return {"color": colour("quiet"), "linewidth": 1.5, "linestyle": (0, (3, 2.5))}
