"""Drawings over two axes: runs against their cost, and a grid of means."""

from collections.abc import Sequence

from distillrun.report.page.axis import Scale, axis_label, ticks
from distillrun.report.page.svg import NARROW, WIDTH, dot, drawing, fitting, legend, line, text
from distillrun.text.display import number

LEFT, RIGHT, PLOT = 56.0, 16.0, 230.0


def scatter(
    series: Sequence[tuple[str, Sequence[tuple[float, float]]]], x_name: str, unit: str, width: float = WIDTH
) -> str:
    """Return points (x, value) in the colour of their series. There is at least one point."""
    marks, top = legend([name for name, _ in series], LEFT, width)
    bottom = top + PLOT
    points = [point for _, own in series for point in own]
    x_levels = ticks(min(0.0, *(x for x, _ in points)), max(x for x, _ in points), 6 if width > NARROW else 3)
    y_levels = ticks(min(0.0, *(y for _, y in points)), max(y for _, y in points))
    at_x = Scale(x_levels[0], x_levels[-1], LEFT, width - RIGHT)
    at_y = Scale(y_levels[0], y_levels[-1], bottom, top)
    parts = [*marks]
    for level in y_levels:
        parts.append(line(LEFT, at_y(level), width - RIGHT, at_y(level), "grid"))
        parts.append(text(LEFT - 8, at_y(level) + 4, axis_label(level, unit), "end"))
    parts += [text(at_x(level), bottom + 18, f"{level:,g}", "middle") for level in x_levels]
    parts.append(text((LEFT + width - RIGHT) / 2, bottom + 38, x_name, "middle"))
    parts += [dot(at_x(x), at_y(y), index, 4) for index, (_, own) in enumerate(series) for x, y in own]
    return drawing(width, bottom + 46, parts, f"value against {x_name}")


def heat_map(
    columns: Sequence[str],
    rows: Sequence[str],
    values: Sequence[Sequence[float | None]],
    names: tuple[str, str],
    width: float = WIDTH,
) -> str:
    """Return a grid of means, darker where higher; `names` are those of the columns and of the rows."""
    known = [value for row in values for value in row if value is not None]
    low, high = min(known), max(known)
    left, top, tall = (130.0 if width > NARROW else 60.0), 62.0, 40.0
    wide = (width - left - RIGHT) / len(columns)
    parts = [
        text(left + wide * len(columns) / 2, 14, fitting(names[0], width - left), "middle"),
        text(0, 32, fitting(names[1], width), "start"),
    ]
    parts += [text(left + wide * (i + 0.5), top - 10, fitting(name, wide), "middle") for i, name in enumerate(columns)]
    for place, (name, row) in enumerate(zip(rows, values, strict=True)):
        y = top + place * tall
        parts.append(text(left - 12, y + tall / 2 + 4, fitting(name, left - 12), "end"))
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
    return drawing(width, top + tall * len(rows) + 8, parts, f"means by {names[0]} and {names[1]}")
