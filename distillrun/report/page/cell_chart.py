"""A drawing of cells: means with intervals, and every run as a dot."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from distillrun.report.page.axis import Scale, axis_label, ticks
from distillrun.report.page.svg import COLOURS, LETTER, NARROW, dot, drawing, fitting, legend, line, text

LEFT, RIGHT, PLOT = 56.0, 16.0, 230.0
HIDDEN = 0.25
"""Where values lie within this share of the highest, bars from 0 would all look alike."""


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
        is_hidden = len(set(values)) > 1 and min(values) > 0 and max(values) - min(values) < HIDDEN * max(values)
        return self.scale is None and not is_hidden

    @property
    def caption(self) -> str:
        """What the marks are, as a sentence's beginning, and where the axis misleads who does not look at it."""
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

    def draw(self, width: float) -> str:
        """Return the drawing at a width."""
        names = list(dict.fromkeys(bar.name for bar in self._bars))
        slot = (width - LEFT - RIGHT) / len(self.groups)
        most = max(len(bars) for _, bars in self.groups)
        has_room = slot * 0.88 / most >= 14 and all(LETTER * len(group) <= slot for group, _ in self.groups)
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

    def _upright(self, names: Sequence[str], slot: float, width: float) -> str:
        marks, top = legend(names, LEFT, width)
        levels, bottom = self._levels, top + PLOT
        at_y = Scale(levels[0], levels[-1], bottom, top)
        parts = [*marks]
        for level in levels:
            parts.append(line(LEFT, at_y(level), width - RIGHT, at_y(level), "grid"))
            parts.append(text(LEFT - 8, at_y(level) + 4, axis_label(level, self.unit), "end"))
        for place, (group, bars) in enumerate(self.groups):
            start = LEFT + place * slot
            wide = min(48.0, slot * 0.88 / len(bars))
            first = start + (slot - wide * len(bars)) / 2
            for index, bar in enumerate(map(self._within, bars)):
                x = first + (index + 0.5) * wide
                parts += self._marks(bar, names.index(bar.name), at_y, (x, 0.4 * wide), is_upright=True)
            parts.append(text(start + slot / 2, bottom + 18, group, "middle"))
        if self.chance is not None and self._shows(self.chance):
            parts.append(line(LEFT, at_y(self.chance), width - RIGHT, at_y(self.chance), "chance"))
            parts.append(text(width - RIGHT, at_y(self.chance) - 5, "chance", "end"))
        return drawing(width, bottom + 28, parts, "means of " + ", ".join(names))

    def _lying(self, width: float) -> str:
        """Draw a row for each cell: its name before the marks or, in a narrow drawing, above them."""
        is_narrow = width <= NARROW
        left, top, tall = (24.0, 22.0, 38.0) if is_narrow else (190.0, 22.0, 22.0)
        bottom = top + sum(22.0 * bool(group) + tall * len(bars) for group, bars in self.groups)
        levels = self._levels
        at_x = Scale(levels[0], levels[-1], left, width - 30)
        parts = []
        for place, level in enumerate(levels):
            parts.append(line(at_x(level), top, at_x(level), bottom, "grid"))
            if not is_narrow or place % 2 == 0:
                parts.append(text(at_x(level), bottom + 18, axis_label(level, self.unit), "middle"))
        y = top
        for group, bars in self.groups:
            if group:
                parts.append(text(0, y + 15, fitting(group, width), "start"))
                y += 22.0
            for bar in map(self._within, bars):
                if is_narrow:
                    parts.append(text(left, y + 14, fitting(bar.name, width - left), "start"))
                else:
                    parts.append(text(left - 12, y + tall / 2 + 4, fitting(bar.name, left - 12), "end"))
                parts += self._marks(bar, 0, at_x, (y + tall - 11, 8.0), is_upright=False)
                y += tall
        if self.chance is not None and self._shows(self.chance):
            parts.append(line(at_x(self.chance), top - 6, at_x(self.chance), bottom, "chance"))
            parts.append(text(at_x(self.chance), top - 10, "chance", "middle"))
        return drawing(width, bottom + 28, parts, "means of " + ", ".join(bar.name for bar in self._bars))

    def _marks(self, bar: Bar, colour: int, at: Scale, across: tuple[float, float], is_upright: bool) -> list[str]:
        """Return the marks of a cell: its mean, a dot for every run side by side, and the interval over them.

        `across` is the middle of the cell's strip, and half the width of a mark.
        """
        middle, half = across
        low, high = sorted((at(0.0), at(bar.mean))) if self.has_bars else (at(bar.mean) - 1.5, at(bar.mean) + 1.5)
        x, y = (middle - half, low) if is_upright else (low, middle - half)
        wide, tall = (2 * half, high - low) if is_upright else (high - low, 2 * half)
        opacity = "0.45" if self.has_bars else "1"
        parts = [
            f'<rect class="fill series-{colour % COLOURS}" fill-opacity="{opacity}" x="{x:.1f}" y="{y:.1f}" '
            f'width="{wide:.1f}" height="{tall:.1f}" rx="{2 if self.has_bars else 0}"/>'
        ]
        spread = 1.2 * half / max(1, len(bar.runs) - 1)
        first = middle - spread * (len(bar.runs) - 1) / 2

        def place(value: float, aside: float) -> tuple[float, float]:
            return (aside, at(value)) if is_upright else (at(value), aside)

        parts += [dot(*place(value, first + n * spread), colour, 2.5) for n, value in enumerate(bar.runs)]
        if math.isfinite(bar.low) and math.isfinite(bar.high):
            parts.append(line(*place(bar.low, middle), *place(bar.high, middle), "error"))
            parts += [line(*place(end, middle - 4), *place(end, middle + 4), "error") for end in (bar.low, bar.high)]
        return parts
