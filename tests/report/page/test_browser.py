"""Pages in a real browser: on a desk, on a telephone, on paper."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from distillrun.report.page.block import Code, Drawing, Figure, Page, Paragraph, Section, Table
from distillrun.report.page.cell_chart import Bar, CellChart
from distillrun.report.page.chart import bars, curves, intervals
from distillrun.report.page.files import write_page
from distillrun.report.page.plane_chart import heat_map, scatter
from tests.browser import CHROMIUM, Browser

LONG = "multitask_counterfactual_with_a_long_name"
MARKS = """[...document.querySelectorAll("svg *")].map(mark => mark.getBoundingClientRect())
    .filter(box => box.width + box.height > 0)"""


def page() -> Page:
    cells = [Bar(f"{LONG}_{n}", 50 + n, 40, 60, (48, 52)) for n in range(10)]
    rows = [(f"test/{name}", 0.5, 0.25, 0.99) for name in (LONG, "accuracy")]
    counts = [(f"{n}-{n + 9}", 7) for n in range(100, 210, 10)]
    drawings: dict[str, Drawing] = {
        "lying": CellChart([("", cells)], "%", 20).draw,
        "upright": CellChart([("small", cells[:2]), ("large", cells[:2])], "%").draw,
        "intervals": partial(intervals, rows, 0.2),
        "counts": partial(bars, counts, "words"),
        "curves": partial(curves, {LONG: [(1, 0.1), (600, 0.9)], "other": [(1, 0.5)]}, True),
        "scatter": partial(scatter, [(LONG, [(1.0, 2.0), (90.0, 5.0)])], "seconds", ""),
        "heat": partial(heat_map, ["0.1", "0.01"], [LONG, "x"], [[0.5, 0.6], [0.7, None]], ("a", "b")),
    }
    empty = Table((), ())
    figures = [Section(name, [Figure(draw, "caption", empty)]) for name, draw in drawings.items()]
    config = Section("Config", [Paragraph("told"), Code("key: 1\n" * 500, folded="Show")])
    return Page("page", "done", "good", "summary", [*figures, config], wide=True)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_every_mark_lies_on_the_screen_and_is_read_without_a_lens(tmp_path: Path) -> None:
    write_page(tmp_path, page())
    with Browser(tmp_path / "browser", (1280, 900)) as browser:
        for width in (1280, 390, 320):
            browser.tell(
                "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
            )
            browser.open(tmp_path / "report.html")
            boxes: list[dict[str, Any]] = json.loads(browser.run(f"JSON.stringify({MARKS})"))
            assert len(boxes) > 100
            assert all(box["left"] >= -1 and box["right"] <= width + 1 for box in boxes)
            texts = f"{MARKS.replace('svg *', 'svg text')}.map(box => box.height)"
            assert min(json.loads(browser.run(f"JSON.stringify({texts})"))) > 9
            assert browser.run("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_what_is_folded_takes_no_room_and_contents_lead_to_it(tmp_path: Path) -> None:
    write_page(tmp_path, page())
    height = "document.querySelector('details').getBoundingClientRect().height"
    with Browser(tmp_path / "browser", (1280, 900)) as browser:
        browser.open(tmp_path / "report.html")
        assert 0 < browser.run(height) < 60
        browser.run("document.querySelector('summary').click()")
        assert browser.run(height) > 5000
        browser.run("document.querySelector('summary').click()")
        browser.run("document.querySelector('nav a:last-child').click()")
        assert browser.run("location.hash") == "#config"
        browser.tell("Emulation.setEmulatedMedia", media="print")
        assert browser.run(height) == 0
