"""What a chart shows, read from its SVG: texts, marks, and the values where marks lie."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from distillrun.report.page.block import Drawing
from distillrun.report.page.canvas import WIDTH
from distillrun.report.page.picture import inline

BASELINE = 4.56
"""How far the baseline of a number lies below its middle."""

NUMBER = r"-?[\d,]*\.?\d+(?:e-?\d+)?"


@dataclass(frozen=True)
class Shape:
    """A line, an area or, moved to where it lies, a dot, in pixels."""

    points: tuple[tuple[float, float], ...]
    style: dict[str, str]

    @property
    def middle(self) -> tuple[float, float]:
        xs, ys = zip(*self.points, strict=True)
        return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2

    @property
    def size(self) -> tuple[float, float]:
        xs, ys = zip(*self.points, strict=True)
        return max(xs) - min(xs), max(ys) - min(ys)


class Drawn:
    """The SVG of a chart."""

    def __init__(self, draw: Drawing, width: float = WIDTH) -> None:
        self.written = inline(draw, width)
        self.root = ElementTree.fromstring(self.written)
        self.texts = [
            (text.text or "", float(text.get("x", "")), float(text.get("y", ""))) for text in self.root.iter("text")
        ]
        paths = [(path, _style(path.get("style", ""))) for path in self.root.iter("path")]
        self.dots = [Shape(_points(path), style) for path, style in paths if path.get("transform")]
        lines = [Shape(_points(path), style) for path, style in paths if not path.get("transform")]
        self.areas = [line for line in lines if line.style["fill"] != "none"]
        self.lines = [line for line in lines if line.style["fill"] == "none"]

    def of(self, name: str) -> tuple[list[Shape], list[Shape]]:
        """Return the dots and the lines in a colour of the page."""
        ink = f"var(--{name})"
        return [one for one in self.dots if one.style["fill"] == ink], [
            one for one in self.lines if one.style["stroke"] == ink
        ]

    def value(self, pixel: float, axis: str, unit: str = "") -> float:
        """Return what lies at a pixel of the axis x or y, by the numbers that stand along it."""
        levels = self.levels(axis, unit)
        slope, start = np.polyfit([place for _, place in levels], [level for level, _ in levels], 1)
        return float(slope * pixel + start)

    def levels(self, axis: str, unit: str = "") -> list[tuple[float, float]]:
        """Return the numbers on an axis, and where they stand: below each other at one side, or on one line."""
        found = [one for one in self.texts if re.fullmatch(NUMBER + (f" {unit}" if unit else ""), one[0])]
        across = [x if axis == "y" else y for _, x, y in found]
        lines = [
            [one for one, place in zip(found, across, strict=True) if abs(place - other) < 0.5] for other in across
        ]
        along = max(lines, key=len)
        return [
            (float(text.removesuffix(unit).replace(",", "")), y - BASELINE if axis == "y" else x)
            for text, x, y in along
        ]


def _style(text: str) -> dict[str, str]:
    style = dict(pair.split(": ") for pair in text.split("; "))
    return {"fill": "black", "stroke": "none", **style}


def _points(path: ElementTree.Element) -> tuple[tuple[float, float], ...]:
    numbers = [float(found) for found in re.findall(r"-?\d[\d.]*", path.get("d", ""))]
    moved = [float(found) for found in re.findall(r"-?\d[\d.]*", path.get("transform", "0 0"))]
    return tuple((x + moved[0], y + moved[1]) for x, y in zip(numbers[::2], numbers[1::2], strict=True))
