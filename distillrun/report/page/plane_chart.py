"""Charts over two axes: runs against their cost, and a grid of means."""

from collections.abc import Sequence

from distillrun.report.page.axis import axis_label, is_far_from_zero, ticks
from distillrun.report.page.canvas import NARROW, WIDTH, Chart, Key, fitting
from distillrun.report.page.palette import of_series
from distillrun.text.display import number

LEFT, RIGHT, BOTTOM, PLOT = 56.0, 16.0, 46.0, 230.0


def scatter(
    series: Sequence[tuple[str, Sequence[tuple[float, float]]]], x_name: str, unit: str, width: float = WIDTH
) -> Chart:
    """Return points (x, value) in the colour of their series. There is at least one point."""
    key = Key([name for name, _ in series], LEFT, width)
    xs, ys = zip(*(point for _, own in series for point in own), strict=True)
    across = ticks(min(0.0, *xs), max(xs), 6 if width > NARROW else 3)
    levels = ticks(min(ys) if is_far_from_zero(ys) else min(0.0, *ys), max(ys))
    chart = Chart(
        width,
        key.height + PLOT + BOTTOM,
        f"Values against {x_name}",
        [f"{name}: {axis_label(round(y, 2), unit)} at {x:,.4g}" for name, own in series for x, y in own],
    )
    axes = chart.axes(LEFT, key.height, RIGHT, BOTTOM)
    key.draw(chart)
    axes.grid(axis="y")
    axes.set_xlim(across[0], across[-1])
    axes.set_ylim(levels[0], levels[-1])
    axes.set_xticks(across, [f"{level:,g}" for level in across])
    axes.set_yticks(levels, [axis_label(level, unit) for level in levels])
    axes.set_xlabel(fitting(x_name, width - LEFT - RIGHT))
    for index, (_, own) in enumerate(series):
        x, y = zip(*own, strict=True)
        axes.plot(x, y, color=of_series(index), linestyle="", marker="o", markersize=8, clip_on=False)
    return chart


def heat_map(
    columns: Sequence[str],
    rows: Sequence[str],
    values: Sequence[Sequence[float | None]],
    names: tuple[str, str],
    width: float = WIDTH,
) -> Chart:
    """Return a grid of means, darker where higher; `names` are those of the columns and of the rows."""
    cells = [
        (row, column, value) for row, own in enumerate(values) for column, value in enumerate(own) if value is not None
    ]
    low, high = min(value for *_, value in cells), max(value for *_, value in cells)
    left, top, tall = (130.0 if width > NARROW else 60.0), 62.0, 40.0
    wide = (width - left - RIGHT) / len(columns)
    chart = Chart(
        width,
        top + tall * len(rows) + 8,
        f"Means by {names[0]} and {names[1]}",
        [f"{names[0]} {columns[c]}, {names[1]} {rows[r]}: {number(value)}" for r, c, value in cells],
    )
    axes = chart.axes(left, top, RIGHT, 8)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(columns)), [fitting(name, wide) for name in columns])
    axes.set_yticks(range(len(rows)), [fitting(name, left - 12) for name in rows])
    axes.annotate(
        fitting(names[0], width - left), (0.5, 1), (0, top - 14), "axes fraction", "offset points", ha="center"
    )
    axes.annotate(fitting(names[1], width), (0, chart.height - 32), None, "figure points")
    for row, column, value in cells:
        share = (value - low) / (high - low) if high > low else 0.5
        across, down = 1 - 2 / wide, 1 - 2 / tall
        axes.bar(column, down, across, row - down / 2, color=of_series(0), alpha=0.06 + 0.36 * share, clip_on=False)
        axes.annotate(number(value), (column, row), ha="center", va="center")
    return chart
