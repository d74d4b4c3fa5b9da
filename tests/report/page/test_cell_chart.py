"""What a drawing of cells shows: bars where they tell, strokes where bars would hide, and the scale of a rating."""

import re

import pytest

from distillrun.report.page.cell_chart import Bar, CellChart
from distillrun.report.page.svg import NARROW, WIDTH

NAN = float("nan")


def levels(drawn: str, unit: str = "") -> list[float]:
    """Return the numbers on the axis."""
    return [float(text) for text in re.findall(rf">(-?[\d.]+){' ' + unit if unit else ''}</text>", drawn)]


def test_bars_begin_at_0_where_cells_differ_widely() -> None:
    chart = CellChart([("", [Bar("a", 20, 10, 30, [15, 25]), Bar("b", 60, 50, 70, [55, 65])])], "%", 20)
    assert chart.has_bars
    drawn = chart.draw(width=WIDTH)
    assert levels(drawn, "%")[0] == 0
    heights = [float(found) for found in re.findall(r'<rect [^>]*fill-opacity="0.45"[^>]* height="([\d.]+)"', drawn)]
    assert heights[1] == pytest.approx(3 * heights[0], rel=0.01)


def test_cells_that_bars_from_0_would_make_alike_are_strokes_on_an_axis_of_their_own() -> None:
    chart = CellChart([("", [Bar("a", 74.0, 73, 75, [73.5, 74.5]), Bar("b", 76.0, 75, 77, [75.5])])], "%", 20)
    assert not chart.has_bars
    drawn = chart.draw(width=WIDTH)
    assert min(levels(drawn, "%")) == 73
    assert chart.caption == "Thick strokes are means (the axis begins at 73 %)"
    assert chart.off_axis == " Chance, 20 %, lies outside the drawing."
    assert "chance" not in drawn


@pytest.mark.parametrize("width", [WIDTH, NARROW])
def test_the_axis_of_a_rating_goes_from_its_lowest_point_to_its_highest(width: float) -> None:
    names = [f"model {n}" for n in range(9 if width == NARROW else 2)]
    chart = CellChart([("", [Bar(name, 3.2, 0.5, 5.5, ()) for name in names])], "", scale=(1, 5))
    drawn = chart.draw(width=width)
    assert not chart.has_bars
    assert (min(levels(drawn)), max(levels(drawn))) == (1, 5)
    assert drawn == CellChart([("", [Bar(name, 3.2, 1, 5, ()) for name in names])], "", scale=(1, 5)).draw(width=width)


def test_a_cell_without_an_interval_is_drawn_all_the_same() -> None:
    drawn = CellChart([("", [Bar("a", 5.0, NAN, NAN, [5.0])])], "").draw(width=NARROW)
    assert "nan" not in drawn
    assert 'class="error"' not in drawn
