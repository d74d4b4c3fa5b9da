"""Charts as pictures: the page's colours and font, the same bytes twice, nothing of the machine's own settings."""

import os
import re
import subprocess
import sys
from functools import partial
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor

from distillrun.report.page.block import Drawing
from distillrun.report.page.canvas import NARROW, WIDTH
from distillrun.report.page.cell_chart import Bar, CellChart
from distillrun.report.page.chart import bars, curves, intervals
from distillrun.report.page.html import html
from distillrun.report.page.palette import COLOURS, palette
from distillrun.report.page.picture import inline, svg_and_png
from distillrun.report.page.plane_chart import heat_map, scatter
from tests.report.page.drawn import Drawn
from tests.report.page.test_browser import page

CELLS = [Bar("a", 50, -20, 130, [40, 60]), Bar("<b>", 10, float("nan"), float("nan"), [10])]
DRAWINGS: dict[str, Drawing] = {
    "upright": CellChart([("small", CELLS)], "%", 20).draw,
    "lying": CellChart([("", [Bar(f"arm {n}", 50, 40, 60, [45, 46]) for n in range(COLOURS + 1)])], "%", 20).draw,
    "curves": partial(curves, {f"line {n}": [(1, 0.1 + n / 20), (2, 0.2 + n / 20)] for n in range(COLOURS)}, True, 0.2),
    "intervals": partial(intervals, [("test/accuracy", 0.5, 0.25, 0.75)], 0.2),
    "bars": partial(bars, [("1-9", 3), ("10-19", 7)], "words"),
    "lying bars": partial(bars, [(f"{n}00-{n}99", 7) for n in range(15)], "words"),
    "scatter": partial(scatter, [("a", [(1.0, 2.0), (3.0, 4.0)])], "seconds", "%"),
    "heat map": partial(heat_map, ["1", "2"], ["x"], [[0.5, 0.7]], ("rate", "size")),
}
EVERY = pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)


@EVERY
def test_a_chart_is_the_same_bytes_twice_and_tells_no_date_and_no_program(draw: Drawing) -> None:
    svg, png = svg_and_png(draw)
    assert (svg, png) == svg_and_png(draw)
    assert inline(draw, NARROW) == inline(draw, NARROW)
    assert not re.search(r"matplotlib|metadata|date|<!", svg)
    assert "Software" not in Image.open(BytesIO(png)).info


@EVERY
@pytest.mark.parametrize("width", [WIDTH, NARROW])
def test_every_colour_of_a_chart_is_one_that_the_page_has_light_and_dark(draw: Drawing, width: float) -> None:
    written = inline(draw, width)
    used = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", written)) - {"none"}
    assert used <= {f"var(--{name})" for name in palette()}
    assert len(used) >= 2
    assert not re.search(r"#[0-9a-fA-F]{3}|rgb|url\(| id=| class=|font", written)
    root = ElementTree.fromstring(written)
    painted = [*root.iter("text"), *root.iter("path")]
    assert all(re.search(r"(fill|stroke): var", mark.get("style", "")) for mark in painted)


def test_the_page_has_every_colour_of_charts_for_light_dark_and_paper() -> None:
    style = html(page()).split("<style>")[1].split("</style>")[0]
    light, dark, printed = style.split("@media (")[0], style.split("@media (")[1], style.split("@media print")[1]
    for name in palette():
        assert all(f"--{name}: #" in part for part in (light, dark, printed))
    assert len(set(palette().values())) == len(palette()) == COLOURS + 3


@EVERY
def test_a_file_is_read_by_any_program_and_both_files_are_one_picture(draw: Drawing) -> None:
    svg, png = svg_and_png(draw)
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in svg
    assert set(re.findall(r"#[0-9a-f]{6}", svg)) <= {"#ffffff", *palette().values()}
    image = Image.open(BytesIO(png)).convert("RGB")
    assert image.size == (2 * float(root.get("width", "")), 2 * float(root.get("height", "")))
    assert image.getpixel((0, 0)) == (255, 255, 255)
    for dot in Drawn(draw).dots:
        x, y = dot.middle
        name = dot.style["fill"].removeprefix("var(--").removesuffix(")")
        assert image.getpixel((round(2 * x), round(2 * y))) == ImageColor.getrgb(palette()[name])


@EVERY
def test_a_screen_reader_is_told_what_a_chart_shows(draw: Drawing) -> None:
    root = Drawn(draw).root
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == ["title", "desc"]
    assert len(root[0].text or "") > 10
    assert re.search(r"\d", root[1].text or "")


@settings(deadline=None, max_examples=25)
@given(st.text(min_size=1))
def test_any_text_stays_text_in_a_chart(name: str) -> None:
    for draw in (partial(bars, [(name, 3)], name), partial(scatter, [(name, [(1.0, 2.0)])], name, "")):
        assert {element.tag for element in Drawn(draw).root.iter()} == {"svg", "title", "desc", "text", "path"}


@pytest.mark.parametrize("text", ["$x^2$", "_private", r"\frac{a}{b}", "日本語", "a & <b>", 'say "x"'])
def test_names_are_shown_as_they_are(text: str) -> None:
    shown = [found for found, *_ in Drawn(partial(curves, {text: [(1, 2.0)]}, False)).texts]
    assert text in shown


def test_a_matplotlibrc_of_the_folder_or_the_user_changes_no_chart_and_runs_nothing(tmp_path: Path) -> None:
    hostile = "text.usetex: True\nsvg.fonttype: path\nlines.linewidth: 9\naxes.facecolor: red\nbackend: module://evil\n"
    (tmp_path / "matplotlibrc").write_text(hostile)
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    code = (
        "from tests.report.page.test_picture import DRAWINGS\n"
        "from distillrun.report.page.picture import svg_and_png\n"
        "print(svg_and_png(DRAWINGS['curves'])[0], end='')"
    )
    path = os.pathsep.join([str(Path(__file__).parents[3]), str(tmp_path)])
    line = [sys.executable, "-W", "ignore", "-c", code]
    told = subprocess.run(
        line, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert told.stdout == svg_and_png(DRAWINGS["curves"])[0]
