"""The charts of a run's page: curves over steps, intervals of scores, counts."""

import math
from collections.abc import Mapping, Sequence

from distillrun.report.page.axis import axis_label, is_far_from_zero, ticks
from distillrun.report.page.canvas import NARROW, WIDTH, Chart, Key, fitting, one_line, width_of
from distillrun.report.page.palette import colour, of_series
from distillrun.text.display import number, percent

LEFT, RIGHT, BOTTOM = 56, 16, 46
FEW = 20
"""Points of a curve that are drawn as dots, too."""

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
) -> Chart:
    """Return a line chart over `axis`; `chance` draws a dashed level. Every series needs a point.

    The other axis begins at 0 where that shows how the values differ.
    """
    drawn = {name: thinned(points) for name, points in series.items()}
    key = Key(list(drawn), LEFT, width)
    steps = [x for points in series.values() for x, _ in points]  # before thinning, so that the axis ends at the last
    values = [y for points in drawn.values() for _, y in points] + ([] if chance is None else [chance])
    low = min(values) if is_far_from_zero(values) else min(0.0, *values)
    high = min(1.0, low + (max(values) - low) * 1.1) if as_percent else max(values)
    levels = ticks(low, high, 5 if height > 150 else 3)
    last = max(steps) if max(steps) > min(steps) else min(steps) + 1
    about = 6 if width > NARROW else 3
    shown = percent if as_percent else number
    chart = Chart(
        width,
        key.height + height + BOTTOM,
        f"Line chart of {', '.join(drawn)} over {axis}",
        [
            f"{name}: {shown(at[0][1])} at {at[0][0]:g} to {shown(at[-1][1])} at {at[-1][0]:g}"
            for name, at in drawn.items()
        ],
    )
    axes = chart.axes(LEFT, key.height, RIGHT, BOTTOM)
    key.draw(chart)
    axes.grid(axis="y")
    axes.set_xlim(min(steps), last)
    axes.set_ylim(levels[0], levels[-1])
    axes.set_xticks([tick for tick in ticks(min(steps), last, about) if min(steps) <= tick <= last])
    axes.set_xticklabels([f"{tick:,g}" for tick in axes.get_xticks()])
    scale, unit = (100, "%") if as_percent else (1, "")
    axes.set_yticks(levels, [axis_label(round(scale * level, 10), unit) for level in levels])
    axes.set_xlabel(fitting(axis, width - LEFT - RIGHT))
    if chance is not None:
        axes.axhline(chance, color=colour("quiet"), linewidth=1.5, linestyle=(0, (3, 2.5)), dash_capstyle="butt")
        axes.annotate("chance", (1, chance), (0, 5), ("axes fraction", "data"), "offset points", ha="right")
    for index, points in enumerate(drawn.values()):
        dots = "o" if len(points) <= FEW else ""
        axes.plot(*zip(*points, strict=True), color=of_series(index), marker=dots, clip_on=False)
    return chart


def intervals(
    rows: Sequence[tuple[str, float, float, float]], chance: float | None = None, width: float = WIDTH
) -> Chart:
    """Return (name, value, low, high) of shares as dots with whiskers on an axis from 0 to 100 %.

    A name stands before its whisker or, where the chart is narrow, above it.
    """
    is_narrow = width <= NARROW
    left, tall, top, bottom = (24, 46, 22, 24) if is_narrow else (220, 28, 22, 24)
    chart = Chart(
        width,
        top + tall * len(rows) + bottom,
        f"Intervals of {', '.join(name for name, *_ in rows)}",
        [f"{name}: {percent(value)}, {percent(low)} to {percent(high)}" for name, value, low, high in rows],
    )
    axes = chart.axes(left, top, 30, bottom)
    axes.grid(axis="x")
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows), 0)
    levels = (0, 0.5, 1) if is_narrow else (0, 0.2, 0.4, 0.6, 0.8, 1)
    axes.set_xticks(levels, [f"{100 * level:g} %" for level in levels])
    places = [index + (0.72 if is_narrow else 0.5) for index in range(len(rows))]
    if is_narrow:
        axes.set_yticks([])
        for place, (name, *_) in zip(places, rows, strict=True):
            axes.annotate(fitting(name, width - left), (0, place), (0, 10), "data", "offset points")
    else:
        axes.set_yticks(places, [fitting(name, left - 12) for name, *_ in rows])
    if chance is not None:
        axes.axvline(chance, color=colour("quiet"), linewidth=1.5, linestyle=(0, (3, 2.5)))
        axes.annotate("chance", (chance, 1), (0, 8), ("data", "axes fraction"), "offset points", ha="center")
    for place, (_, value, low, high) in zip(places, rows, strict=True):
        axes.plot([low, high], [place, place], color=of_series(0), linewidth=2.5, clip_on=False)
        axes.plot(value, place, color=of_series(0), marker="o", markersize=10, clip_on=False)
    return chart


def bars(rows: Sequence[tuple[str, int]], label: str, width: float = WIDTH) -> Chart:
    """Return counts as bars with their names: upright, or lying where the names need more room. There is a row."""
    names, counts = [one_line(name) for name, _ in rows], [count for _, count in rows]
    most, slot = max(1, *counts), (width - 2 * RIGHT) / len(rows)
    widest = max(map(width_of, names))
    told = f"Bar chart of {label}", [f"{name}: {count:,}" for name, count in rows]
    texts = [f"{count:,}" for count in counts]
    if widest <= slot:
        chart = Chart(width, 170, *told)
        axes = chart.axes(RIGHT, 24, RIGHT, 30)
        axes.set_xlim(-0.5, len(rows) - 0.5)
        axes.set_ylim(0, most)
        axes.set_xticks(range(len(rows)), names)
        axes.set_yticks([0], [""])
        axes.grid(axis="y")
        axes.bar_label(
            axes.bar(range(len(rows)), counts, 1 - 6 / slot, color=of_series(0), clip_on=False), texts, padding=4
        )
        return chart
    left, tall = min(0.5 * width, 16 + widest), 20.0
    chart = Chart(width, tall * len(rows) + 4, *told)
    axes = chart.axes(left, 0, 22 + width_of(f"{most:,}"), 4)
    axes.set_xlim(0, most)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks([])
    axes.set_yticks(range(len(rows)), [fitting(name, left - 10) for name in names])
    axes.bar_label(axes.barh(range(len(rows)), counts, 0.7, color=of_series(0), clip_on=False), texts, padding=6)
    return chart
