"""The strokes of SVG drawings. Colours are CSS classes of the page, so that they follow light and dark."""

from collections.abc import Sequence
from html import escape

from distillrun.text.display import plain, shortened

WIDTH = 720
NARROW = 340
"""The width of drawings for a telephone."""

COLOURS = 8
"""How many series have a colour of their own."""

LETTER = 6.8
"""About how wide a letter of the drawings' text is."""


def drawing(width: float, height: float, parts: Sequence[str], label: str) -> str:
    """Return a whole drawing; `label` is what a screen reader says of it."""
    head = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(plain(label))}">'
    return "\n".join([head, *parts, "</svg>"])


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line of a CSS class."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, text: str, anchor: str) -> str:
    """Return a text that starts, ends or has its middle at x; y is its baseline."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(plain(text))}</text>'


def dot(x: float, y: float, colour: int, radius: float = 3) -> str:
    """Return a dot in the colour of a series."""
    return f'<circle class="dot series-{colour % COLOURS}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'


def fitting(text: str, width: float) -> str:
    """Return a text shortened to what fits a width."""
    return shortened(text, max(2, int(width / LETTER)))


def legend(names: Sequence[str], left: float, width: float) -> tuple[list[str], float]:
    """Return the names of the series next to their colours, and where the drawing under them may begin.

    Names that do not fit a line begin the next one.
    """
    parts: list[str] = []
    x, y = left, 10.0
    for index, name in enumerate(names):
        shown = fitting(name, width - left - 24)
        wide = 20 + LETTER * len(shown) + 18
        if x > left and x + wide > width:
            x, y = left, y + 18
        colour = f"series-{index % COLOURS}"
        parts.append(f'<rect class="fill {colour}" x="{x:.0f}" y="{y - 2:.0f}" width="14" height="4" rx="2"/>')
        parts.append(text(x + 20, y + 4, shown, "start"))
        x += wide
    return parts, y + 24
