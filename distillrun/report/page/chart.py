"""The drawings of a run's page: curves over steps, intervals of scores, counts."""

import math
from collections.abc import Mapping, Sequence

from distillrun.report.page.axis import Scale, axis_label, ticks
from distillrun.report.page.svg import COLOURS, LETTER, NARROW, WIDTH, dot, drawing, fitting, legend, line, text

LEFT, RIGHT, BOTTOM = 56, 16, 40

Points = Sequence[tuple[float, float]]


def thinned(points: Points, most: int = 200) -> list[tuple[float, float]]:
    """Return at most `most` points, each the mean of its neighbours, so that noise does not hide the course."""
    width = math.ceil(len(points) / most) if points else 1
    groups = [points[start : start + width] for start in range(0, len(points), width)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def curves(
    series: Mapping[str, Points],
    as_percent: bool,
    chance: float | None = None,
    axis: str = "step",
    height: float = 186,
    width: float = WIDTH,
) -> str:
    """Return a line chart over `axis`; `chance` draws a dashed level. Every series needs a point."""
    drawn = {name: thinned(points) for name, points in series.items()}
    marks, top = legend(list(drawn), LEFT, width)
    bottom = top + height
    steps = [x for points in series.values() for x, _ in points]  # before thinning, so that the axis ends at the last
    values = [y for points in drawn.values() for _, y in points] + ([] if chance is None else [chance])
    about = 6 if width > NARROW else 3
    x_ticks = [tick for tick in ticks(min(steps), max(steps), about) if min(steps) <= tick <= max(steps)]
    y_ticks = ticks(
        min(0.0, *values), min(1.0, max(values) * 1.1) if as_percent else max(values), 5 if height > 150 else 3
    )
    x_high = max(steps) if max(steps) > min(steps) else min(steps) + 1
    at_x = Scale(min(steps), x_high, LEFT, width - RIGHT)
    at_y = Scale(y_ticks[0], y_ticks[-1], bottom, top)
    parts = []
    for tick in y_ticks:
        shown = axis_label(100 * tick, "%") if as_percent else axis_label(tick, "")
        parts += [
            line(LEFT, at_y(tick), width - RIGHT, at_y(tick), "grid"),
            text(LEFT - 8, at_y(tick) + 4, shown, "end"),
        ]
    parts += [text(at_x(tick), bottom + 18, f"{tick:,g}", "middle") for tick in x_ticks]
    parts.append(text((LEFT + width - RIGHT) / 2, bottom + 36, axis, "middle"))
    if chance is not None:
        parts.append(line(LEFT, at_y(chance), width - RIGHT, at_y(chance), "chance"))
        parts.append(text(width - RIGHT, at_y(chance) - 5, "chance", "end"))
    for index, points in enumerate(drawn.values()):
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in points)
        parts.append(f'<polyline class="line series-{index % COLOURS}" points="{path}"/>')
        if len(points) <= 20:
            parts += [dot(at_x(x), at_y(y), index) for x, y in points]
    return drawing(width, bottom + BOTTOM, [*marks, *parts], "line chart of " + ", ".join(drawn))


def intervals(
    rows: Sequence[tuple[str, float, float, float]], chance: float | None = None, width: float = WIDTH
) -> str:
    """Return (name, value, low, high) of shares as dots with whiskers on an axis from 0 to 100 %.

    A name stands before its whisker or, where the drawing is narrow, above it.
    """
    is_narrow = width <= NARROW
    left, row_height, top = (24, 46, 22) if is_narrow else (220, 28, 22)
    at_x = Scale(0, 1, left, width - 30)
    bottom = top + row_height * len(rows)
    parts = []
    for tick in (0, 0.5, 1) if is_narrow else (0, 0.2, 0.4, 0.6, 0.8, 1):
        parts.append(line(at_x(tick), top, at_x(tick), bottom, "grid"))
        parts.append(text(at_x(tick), bottom + 18, f"{100 * tick:g} %", "middle"))
    if chance is not None:
        parts.append(line(at_x(chance), top - 6, at_x(chance), bottom, "chance"))
        parts.append(text(at_x(chance), top - 10, "chance", "middle"))
    for index, (name, value, low, high) in enumerate(rows):
        y = top + row_height * (index + (0.72 if is_narrow else 0.5))
        if is_narrow:
            parts.append(text(left, y - 14, fitting(name, width - left), "start"))
        else:
            parts.append(text(left - 12, y + 4, fitting(name, left - 12), "end"))
        parts.append(line(at_x(low), y, at_x(high), y, "whisker"))
        parts.append(dot(at_x(value), y, 0, 5))
    return drawing(width, bottom + 24, parts, "intervals of " + ", ".join(name for name, *_ in rows))


def bars(rows: Sequence[tuple[str, int]], label: str, width: float = WIDTH) -> str:
    """Return counts as bars with their names: upright, or lying where the names need more room. There is a row."""
    most, slot = max(1, *(count for _, count in rows)), (width - 2 * RIGHT) / len(rows)
    if max(len(name) for name, _ in rows) * LETTER > slot:
        return _lying_bars(rows, most, label, width)
    height, bottom = 170, 140
    parts = []
    for place, (name, count) in enumerate(rows):
        x, tall = RIGHT + place * slot, (bottom - 24) * count / most
        parts.append(
            f'<rect class="fill series-0" x="{x + 3:.1f}" y="{bottom - tall:.1f}" width="{slot - 6:.1f}" '
            f'height="{tall:.1f}" rx="2"/>'
        )
        parts.append(text(x + slot / 2, bottom - tall - 5, f"{count:,}", "middle"))
        parts.append(text(x + slot / 2, bottom + 16, name, "middle"))
    return drawing(width, height, [*parts, line(RIGHT, bottom, width - RIGHT, bottom, "grid")], f"bar chart of {label}")


def _lying_bars(rows: Sequence[tuple[str, int]], most: int, label: str, width: float) -> str:
    left, tall = min(0.5 * width, 16 + LETTER * max(len(name) for name, _ in rows)), 20.0
    at_x = Scale(0, most, left, width - 16 - LETTER * len(f"{most:,}"))
    parts = []
    for place, (name, count) in enumerate(rows):
        y = place * tall
        parts.append(text(left - 10, y + 14, fitting(name, left - 10), "end"))
        parts.append(
            f'<rect class="fill series-0" x="{left:.1f}" y="{y + 3:.1f}" width="{at_x(count) - left:.1f}" '
            f'height="{tall - 6:.1f}" rx="2"/>'
        )
        parts.append(text(at_x(count) + 6, y + 14, f"{count:,}", "start"))
    return drawing(width, tall * len(rows) + 4, parts, f"bar chart of {label}")
