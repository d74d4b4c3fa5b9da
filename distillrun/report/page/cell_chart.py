"""Drawings of cells: bars with intervals and every run as a dot, runs against their cost, a grid of means."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distillrun.report.page.chart import ticks
from distillrun.report.page.svg import COLOURS, WIDTH, dot, drawing, legend, line, text
from distillrun.text.display import number, shortened

LEFT, RIGHT, PLOT = 56.0, 16.0, 230.0

Place = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Bar:
    """A cell: its mean, the interval of the mean (nan where unknown), and the value of every run."""

    name: str
    mean: float
    low: float
    high: float
    runs: Sequence[float]


def axis_label(value: float, unit: str) -> str:
    """Return a number on an axis."""
    return f"{value:g} {unit}".rstrip()


def grouped_bars(groups: Sequence[tuple[str, Sequence[Bar]]], unit: str, chance: float | None = None) -> str:
    """Return groups of bars side by side; bars of one name share a colour. There is at least one bar.

    Where there are more names than colours, the bars lie one below the other, each with its name. In percent, whiskers
    end at 0 and 100: an interval of few runs may reach beyond.
    """
    if unit == "%":
        groups = [(group, [_within(bar, 0.0, 100.0) for bar in bars]) for group, bars in groups]
    names = list(dict.fromkeys(bar.name for _, bars in groups for bar in bars))
    ends = [end for _, bars in groups for bar in bars for end in (bar.mean, bar.low, bar.high, *bar.runs)]
    known = [end for end in [*ends, 0.0, *([] if chance is None else [chance])] if math.isfinite(end)]
    levels = ticks(min(known), max(known))
    if len(names) > COLOURS:
        return _lying_bars(groups, levels, unit, chance)
    marks, top = legend(names, LEFT)
    bottom = top + PLOT

    def at_y(value: float) -> float:
        return bottom - (value - levels[0]) / (levels[-1] - levels[0]) * PLOT

    parts = [*marks, *_levels(levels, unit, at_y)]
    slot = (WIDTH - LEFT - RIGHT) / len(groups)
    for place, (group, bars) in enumerate(groups):
        start = LEFT + place * slot
        wide = min(48.0, slot * 0.88 / max(1, len(bars)))
        first = start + (slot - wide * len(bars)) / 2
        for index, bar in enumerate(bars):
            parts += _bar(bar, names.index(bar.name), first + index * wide, wide, at_y)
        parts.append(text(start + slot / 2, bottom + 18, shortened(group, max(8, int(slot / 7))), "middle"))
    if chance is not None:
        parts.append(line(LEFT, at_y(chance), WIDTH - RIGHT, at_y(chance), "chance"))
        parts.append(text(WIDTH - RIGHT, at_y(chance) - 5, "chance", "end"))
    return drawing(bottom + 28, parts, "bars of " + ", ".join(names))


def _lying_bars(
    groups: Sequence[tuple[str, Sequence[Bar]]], levels: Sequence[float], unit: str, chance: float | None
) -> str:
    left, top, tall = 190.0, 22.0, 22.0
    bottom = top + tall * sum(len(bars) + bool(group) for group, bars in groups)

    def at_x(value: float) -> float:
        return left + (value - levels[0]) / (levels[-1] - levels[0]) * (WIDTH - left - 30)

    parts = []
    for level in levels:
        parts.append(line(at_x(level), top, at_x(level), bottom, "grid"))
        parts.append(text(at_x(level), bottom + 18, axis_label(level, unit), "middle"))
    y = top
    for group, bars in groups:
        if group:
            parts.append(text(0, y + 15, shortened(group, 100), "start"))
            y += tall
        for bar in bars:
            parts += _lying_bar(bar, left, y, tall, at_x)
            y += tall
    if chance is not None:
        parts.append(line(at_x(chance), top - 6, at_x(chance), bottom, "chance"))
        parts.append(text(at_x(chance), top - 10, "chance", "middle"))
    return drawing(bottom + 28, parts, "bars of " + ", ".join(bar.name for _, bars in groups for bar in bars))


def _lying_bar(bar: Bar, left: float, y: float, tall: float, at_x: Place) -> list[str]:
    """Return a bar from 0 to its mean with its name before it, a dot for every run, and the interval."""
    middle, half = y + tall / 2, 0.36 * tall
    start, end = sorted((at_x(0.0), at_x(bar.mean)))
    parts = [
        text(left - 12, middle + 4, shortened(bar.name, 26), "end"),
        f'<rect class="fill series-0" fill-opacity="0.45" x="{start:.1f}" y="{middle - half:.1f}" '
        f'width="{end - start:.1f}" height="{2 * half:.1f}" rx="2"/>',
    ]
    parts += [dot(at_x(value), middle, 0, 2.5) for value in bar.runs]
    if math.isfinite(bar.low) and math.isfinite(bar.high):
        parts.append(line(at_x(bar.low), middle, at_x(bar.high), middle, "error"))
        parts += [line(at_x(end), middle - 4, at_x(end), middle + 4, "error") for end in (bar.low, bar.high)]
    return parts


def scatter(series: Sequence[tuple[str, Sequence[tuple[float, float]]]], x_name: str, unit: str) -> str:
    """Return points (x, value) in the colour of their series. There is at least one point."""
    marks, top = legend([name for name, _ in series], LEFT)
    bottom = top + PLOT
    points = [point for _, own in series for point in own]
    x_levels = ticks(min(0.0, *(x for x, _ in points)), max(x for x, _ in points), 6)
    y_levels = ticks(min(0.0, *(y for _, y in points)), max(y for _, y in points))

    def at_x(value: float) -> float:
        return LEFT + (value - x_levels[0]) / (x_levels[-1] - x_levels[0]) * (WIDTH - LEFT - RIGHT)

    def at_y(value: float) -> float:
        return bottom - (value - y_levels[0]) / (y_levels[-1] - y_levels[0]) * PLOT

    parts = [*marks, *_levels(y_levels, unit, at_y)]
    parts += [text(at_x(level), bottom + 18, f"{level:,g}", "middle") for level in x_levels]
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 38, x_name, "middle"))
    parts += [dot(at_x(x), at_y(y), index, 4) for index, (_, own) in enumerate(series) for x, y in own]
    return drawing(bottom + 46, parts, f"value against {x_name}")


def heat_map(
    columns: Sequence[str], rows: Sequence[str], values: Sequence[Sequence[float | None]], names: tuple[str, str]
) -> str:
    """Return a grid of means, darker where higher; `names` are those of the columns and of the rows."""
    known = [value for row in values for value in row if value is not None]
    low, high = min(known), max(known)
    left, top, tall = 130.0, 44.0, 40.0
    wide = (WIDTH - left - RIGHT) / len(columns)
    parts = [text(left + wide * len(columns) / 2, 14, names[0], "middle"), text(left - 12, top - 10, names[1], "end")]
    parts += [text(left + wide * (i + 0.5), top - 10, shortened(name, 14), "middle") for i, name in enumerate(columns)]
    for place, (name, row) in enumerate(zip(rows, values, strict=True)):
        y = top + place * tall
        parts.append(text(left - 12, y + tall / 2 + 4, shortened(name, 16), "end"))
        for index, value in enumerate(row):
            if value is None:
                continue
            share = (value - low) / (high - low) if high > low else 0.5
            x = left + index * wide
            parts.append(
                f'<rect class="fill series-0" fill-opacity="{0.06 + 0.36 * share:.2f}" x="{x + 1:.1f}" y="{y + 1:.1f}" '
                f'width="{wide - 2:.1f}" height="{tall - 2:.1f}" rx="2"/>'
            )
            parts.append(text(x + wide / 2, y + tall / 2 + 4, number(value), "middle"))
    return drawing(top + tall * len(rows) + 8, parts, f"means by {names[0]} and {names[1]}")


def _levels(levels: Sequence[float], unit: str, at_y: Place) -> list[str]:
    parts = []
    for level in levels:
        parts.append(line(LEFT, at_y(level), WIDTH - RIGHT, at_y(level), "grid"))
        parts.append(text(LEFT - 8, at_y(level) + 4, axis_label(level, unit), "end"))
    return parts


def _within(bar: Bar, least: float, most: float) -> Bar:
    low, high = (end if end != end else min(most, max(least, end)) for end in (bar.low, bar.high))
    return Bar(bar.name, bar.mean, low, high, bar.runs)


def _bar(bar: Bar, colour: int, x: float, wide: float, at_y: Place) -> list[str]:
    """Return a bar from 0 to its mean, a dot for every run, side by side, and the interval over them."""
    middle, half = x + wide / 2, wide * 0.4
    top, foot = sorted((at_y(bar.mean), at_y(0.0)))
    parts = [
        f'<rect class="fill series-{colour % COLOURS}" fill-opacity="0.45" x="{middle - half:.1f}" y="{top:.1f}" '
        f'width="{2 * half:.1f}" height="{foot - top:.1f}" rx="2"/>'
    ]
    spread = 1.2 * half / max(1, len(bar.runs) - 1)
    first = middle - spread * (len(bar.runs) - 1) / 2
    parts += [dot(first + place * spread, at_y(value), colour, 2.5) for place, value in enumerate(bar.runs)]
    if math.isfinite(bar.low) and math.isfinite(bar.high):
        parts.append(line(middle, at_y(bar.low), middle, at_y(bar.high), "error"))
        parts += [line(middle - 4, at_y(end), middle + 4, at_y(end), "error") for end in (bar.low, bar.high)]
    return parts
