"""A page's drawing as a file of its own: SVG with its colours written out, and PNG."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOTS_PER_UNIT = 2
"""Pixels of the PNG for each unit of the drawing."""

_SPACE = "http://www.w3.org/2000/svg"


def svg_file(svg: str) -> str:
    """Return a drawing as a file that any program reads: colours as attributes, on white."""
    root = _painted(svg)
    root.set("xmlns", _SPACE)
    _, _, width, height = root.get("viewBox", "0 0 0 0").split()
    root.set("width", width)
    root.set("height", height)
    root.insert(0, ElementTree.Element("rect", {"width": width, "height": height, "fill": "#ffffff"}))
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def png(svg: str) -> bytes:
    """Return a drawing of ours as PNG, on white; it knows lines, polylines, circles, rectangles and texts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    root = _painted(svg)
    _, _, width, height = (float(part) for part in root.get("viewBox", "0 0 0 0").split())
    figure = Figure(figsize=(width / 100, height / 100), dpi=100 * DOTS_PER_UNIT, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    for order, element in enumerate(root):
        _draw(axes, element.tag, dict(element.attrib), element.text or "", order)
    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _draw(axes: "Axes", tag: str, attributes: Mapping[str, str], text: str, order: int) -> None:
    """Draw one stroke; a unit of the drawing is 1/100 inch, and a point of matplotlib 1/72."""
    from matplotlib.patches import Circle, Rectangle

    number = {key: float(value) for key, value in attributes.items() if re.fullmatch(r"-?[\d.]+", value)}
    thick = 0.72 * number.get("stroke-width", 1)
    stroke, fill = attributes.get("stroke", "none"), attributes.get("fill", "none")
    dashes = (0, (5, 4)) if "stroke-dasharray" in attributes else "solid"
    line: dict[str, Any] = {"color": stroke, "linewidth": thick, "linestyle": dashes, "zorder": order}
    line["solid_capstyle"] = "round"
    if tag == "line":
        axes.plot([number["x1"], number["x2"]], [number["y1"], number["y2"]], **line)
    elif tag == "polyline":
        points = [tuple(map(float, pair.split(","))) for pair in attributes["points"].split()]
        axes.plot([x for x, _ in points], [y for _, y in points], **line)
    elif tag == "circle":
        patch = Circle((number["cx"], number["cy"]), number["r"], facecolor=fill, linewidth=0, zorder=order)
        axes.add_patch(patch)
    elif tag == "rect":
        place = (number["x"], number["y"])
        box = Rectangle(place, number["width"], number["height"], facecolor=fill, linewidth=0, zorder=order)
        box.set_alpha(number.get("fill-opacity", 1))
        axes.add_patch(box)
    elif tag == "text":
        side = {"start": "left", "middle": "center", "end": "right"}[attributes.get("text-anchor", "start")]
        words: dict[str, Any] = {
            "ha": side,
            "va": "baseline",
            "fontsize": 0.72 * 12,
            "color": fill,
            "parse_math": False,
            "zorder": order,
        }
        axes.text(number["x"], number["y"], text, **words)


def _painted(svg: str) -> ElementTree.Element:
    """Return a drawing whose strokes say their colours themselves instead of by CSS class."""
    root = ElementTree.fromstring(svg)
    for element in root:
        for name in element.attrib.pop("class", "").split():
            _paint(element, name)
        if element.tag == "text":
            element.set("fill", _palette()["quiet"])
            element.set("font-family", "system-ui, 'DejaVu Sans', sans-serif")
            element.set("font-size", "12")
    return root


def _paint(element: ElementTree.Element, name: str) -> None:
    colours = _palette()
    if name.startswith("series-"):
        element.set("stroke" if element.tag == "polyline" else "fill", colours[name])
    strokes = {
        "grid": ("rule", "1"),
        "chance": ("quiet", "1.5"),
        "whisker": ("series-0", "2.5"),
        "error": ("text", "1.5"),
    }
    if name in strokes:
        colour, width = strokes[name]
        element.set("stroke", colours[colour])
        element.set("stroke-width", width)
    if name == "chance":
        element.set("stroke-dasharray", "5 4")
    if name == "line":
        element.set("fill", "none")
        element.set("stroke-width", "2")


@cache
def _palette() -> dict[str, str]:
    """Return the light colours of the page by name."""
    css = files("distillrun.report.page").joinpath("page.css").read_text(encoding="utf-8")
    light = css[: css.index("@media")]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
