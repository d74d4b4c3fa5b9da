"""The drawings of a run's page: curves over steps, intervals of scores, counts."""

import math
from collections.abc import Mapping, Sequence

from distillrun.report.page.svg import COLOURS, WIDTH, drawing, legend, line, text
from distillrun.text.display import shortened

HEIGHT = 260
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 34, 40

Points = Sequence[tuple[float, float]]


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers that span [low, high], spaced by 1, 2 or 5 times a power of ten."""
    if high <= low:
        high = low + 1
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    spacing = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / spacing + 1e-9), math.ceil(high / spacing - 1e-9)
    return [round(index * spacing, 12) for index in range(first, last + 1)]


def thinned(points: Points, most: int = 200) -> list[tuple[float, float]]:
    """Return at most `most` points, each the mean of its neighbours, so that noise does not hide the course."""
    width = math.ceil(len(points) / most) if points else 1
    groups = [points[start : start + width] for start in range(0, len(points), width)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def curves(series: Mapping[str, Points], as_percent: bool, chance: float | None = None, axis: str = "step") -> str:
    """Return a line chart over `axis`; `chance` draws a dashed level. Every series needs a point."""
    drawn = {name: thinned(points) for name, points in series.items()}
    marks, top = legend(list(drawn), LEFT)
    bottom = top + HEIGHT - TOP - BOTTOM
    steps = [x for points in series.values() for x, _ in points]  # before thinning, so that the axis ends at the last
    values = [y for points in drawn.values() for _, y in points] + ([] if chance is None else [chance])
    x_ticks = [tick for tick in ticks(min(steps), max(steps), 6) if min(steps) <= tick <= max(steps)]
    y_ticks = ticks(min(0.0, *values), min(1.0, max(values) * 1.1) if as_percent else max(values))
    x_low, x_high = min(steps), max(steps) if max(steps) > min(steps) else min(steps) + 1
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def at_x(step: float) -> float:
        return LEFT + (step - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def at_y(value: float) -> float:
        return bottom - (value - y_low) / (y_high - y_low) * (bottom - top)

    parts = []
    for tick in y_ticks:
        parts.append(line(LEFT, at_y(tick), WIDTH - RIGHT, at_y(tick), "grid"))
        parts.append(text(LEFT - 8, at_y(tick) + 4, f"{100 * tick:g} %" if as_percent else f"{tick:g}", "end"))
    parts += [text(at_x(tick), bottom + 18, f"{tick:,g}", "middle") for tick in x_ticks]
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, bottom + 36, axis, "middle"))
    if chance is not None:
        parts.append(line(LEFT, at_y(chance), WIDTH - RIGHT, at_y(chance), "chance"))
        parts.append(text(WIDTH - RIGHT, at_y(chance) - 5, "chance", "end"))
    for index, points in enumerate(drawn.values()):
        colour = f"series-{index % COLOURS}"
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in points)
        parts.append(f'<polyline class="line {colour}" points="{path}"/>')
        if len(points) <= 20:
            parts += [f'<circle class="dot {colour}" cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3"/>' for x, y in points]
    return drawing(bottom + BOTTOM, [*marks, *parts], "line chart of " + ", ".join(drawn))


def intervals(rows: Sequence[tuple[str, float, float, float]], chance: float | None = None) -> str:
    """Return (name, value, low, high) of shares as dots with whiskers on an axis from 0 to 100 %."""
    left, row_height, top = 220, 28, 22
    height = top + row_height * len(rows) + 24

    def at_x(share: float) -> float:
        return left + share * (WIDTH - left - 30)

    bottom = top + row_height * len(rows)
    parts = []
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        parts.append(line(at_x(tick), top, at_x(tick), bottom, "grid"))
        parts.append(text(at_x(tick), bottom + 18, f"{100 * tick:g} %", "middle"))
    if chance is not None:
        parts.append(line(at_x(chance), top - 6, at_x(chance), bottom, "chance"))
        parts.append(text(at_x(chance), top - 10, "chance", "middle"))
    for index, (name, value, low, high) in enumerate(rows):
        y = top + row_height * (index + 0.5)
        parts.append(text(left - 12, y + 4, shortened(name, 30), "end"))
        parts.append(line(at_x(low), y, at_x(high), y, "whisker"))
        parts.append(f'<circle class="dot series-0" cx="{at_x(value):.1f}" cy="{y:.1f}" r="5"/>')
    return drawing(height, parts, "intervals of " + ", ".join(name for name, *_ in rows))


def bars(rows: Sequence[tuple[str, int]], label: str) -> str:
    """Return counts as upright bars, each named below and counted above. There is at least one row."""
    most, width = max(1, *(count for _, count in rows)), (WIDTH - 2 * RIGHT) / len(rows)
    height, bottom = 170, 140
    parts = []
    for place, (name, count) in enumerate(rows):
        x, tall = RIGHT + place * width, (bottom - 24) * count / most
        parts.append(
            f'<rect class="fill series-0" x="{x + 3:.1f}" y="{bottom - tall:.1f}" width="{width - 6:.1f}" '
            f'height="{tall:.1f}" rx="2"/>'
        )
        parts.append(text(x + width / 2, bottom - tall - 5, f"{count:,}", "middle"))
        parts.append(text(x + width / 2, bottom + 16, shortened(name, 12), "middle"))
    return drawing(height, [*parts, line(RIGHT, bottom, WIDTH - RIGHT, bottom, "grid")], f"bar chart of {label}")
