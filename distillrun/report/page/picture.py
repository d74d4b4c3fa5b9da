"""A chart as a picture: SVG for a page, whose colours follow the page, and SVG and PNG as files of their own."""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from distillrun.report.page.block import Drawing
from distillrun.report.page.canvas import TEXT, WIDTH, Chart, style
from distillrun.report.page.palette import palette

PIXELS = 2
"""Of the PNG, for each pixel of the chart."""

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"


def inline(draw: Drawing, width: float) -> str:
    """Return a chart as SVG for a page: in the colours that the page has just now, and in its font."""
    with _drawn(draw, width) as chart:
        root = _svg(chart, {written: f"var(--{name})" for name, written in palette().items()})
    return ElementTree.tostring(root, encoding="unicode")


def svg_and_png(draw: Drawing) -> tuple[str, bytes]:
    """Return a chart as files on white that any program reads; both are of one figure."""
    with _drawn(draw, WIDTH) as chart:
        root = _svg(chart, {})
        stream = BytesIO()
        chart.figure.savefig(stream, format="png", facecolor="white", dpi=72 * PIXELS, metadata={"Software": None})
    whole = {"width": f"{chart.width:g}", "height": f"{chart.height:g}"}
    root.attrib |= {"xmlns": _SVG[1:-1], **whole}
    root.attrib |= {"font-size": str(TEXT), "font-family": "system-ui, 'DejaVu Sans', sans-serif"}
    root.insert(2, Element("rect", {**whole, "fill": "#ffffff"}))
    return ElementTree.tostring(root, encoding="unicode") + "\n", stream.getvalue()


@contextmanager
def _drawn(draw: Drawing, width: float) -> Iterator[Chart]:
    with warnings.catch_warnings(), style():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a reader's browser has one that has it
        yield draw(width=width)


def _svg(chart: Chart, names: Mapping[str, str]) -> Element:
    """Return what matplotlib writes, without what charts on one page would share: ids, and a style for all of it.

    `names` are written instead of colours.
    """
    stream = BytesIO()
    chart.figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    written = ElementTree.fromstring(stream.getvalue())
    size = f"0 0 {chart.width:g} {chart.height:g}"
    root = Element("svg", {"viewBox": size, "role": "img", "stroke-linejoin": "round"})
    SubElement(root, "title").text = chart.title
    SubElement(root, "desc").text = chart.description
    shapes = {path.get("id", ""): path.get("d", "") for path in written.iter(f"{_SVG}path")}
    for mark in _marks(written):
        x, y = (_rounded(mark.get(key, "0")) for key in ("x", "y"))
        shape = _rounded(mark.get("d") or shapes.get(mark.get(_LINK, "")[1:], ""))
        style = {"style": _style(mark, names)}
        if mark.tag == f"{_SVG}text":
            SubElement(root, "text", {"x": x, "y": y, **style}).text = mark.text
        elif mark.tag == f"{_SVG}use":
            SubElement(root, "path", {"d": shape, "transform": f"translate({x} {y})", **style})
        elif style["style"] != "fill: none" and shape.count(" ") > 2:  # else nothing is to be seen
            SubElement(root, "path", {"d": shape, **style})
    return root


def _marks(element: Element) -> Iterator[Element]:
    for child in element:
        if child.tag == f"{_SVG}g":
            yield from _marks(child)
        elif child.tag in {f"{_SVG}{name}" for name in ("path", "use", "text")}:
            yield child


def _style(mark: Element, names: Mapping[str, str]) -> str:
    pairs = (pair.partition(": ")[::2] for pair in mark.get("style", "").split("; "))
    return "; ".join(f"{key}: {names.get(value, value)}" for key, value in pairs if not key.startswith("font"))


def _rounded(numbers: str) -> str:
    """Return a path or a place to a hundredth of a pixel."""
    return re.sub(r"-?\d+\.\d+", lambda found: f"{round(float(found[0]), 2):g}", " ".join(numbers.split()))
