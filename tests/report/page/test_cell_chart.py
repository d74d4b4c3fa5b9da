"""What a chart of cells shows: bars where they tell, strokes where bars would hide, and the scale of a rating."""

import pytest

from distillrun.report.page.canvas import NARROW, WIDTH
from distillrun.report.page.cell_chart import Bar, CellChart
from distillrun.report.page.palette import COLOURS
from distillrun.report.page.picture import inline
from tests.report.page.drawn import Drawn

NAN = float("nan")
BOTH = pytest.mark.parametrize("width", [WIDTH, NARROW])


def test_bars_begin_at_0_where_cells_differ_widely() -> None:
    chart = CellChart([("", [Bar("a", 20, 10, 30, [15, 25]), Bar("b", 60, 50, 70, [55, 65])])], "%", 20)
    assert chart.has_bars
    drawn = Drawn(chart.draw)
    assert drawn.levels("y", "%")[0][0] == 0
    assert [area.size[1] for area in drawn.areas][1] == pytest.approx(3 * drawn.areas[0].size[1], rel=0.01)


@BOTH
@pytest.mark.parametrize("count", [2, COLOURS + 1])
def test_every_mean_every_run_and_both_ends_of_every_interval_are_there(width: float, count: int) -> None:
    cells = [Bar(f"arm {n}", 20 + 5 * n, 12 + 5 * n, 29 + 5 * n, [18 + 5 * n, 22 + 5 * n]) for n in range(count)]
    drawn = Drawn(CellChart([("small", cells)], "%", 20).draw, width)
    is_upright = count == 2
    axis, along = ("y", 1) if is_upright else ("x", 0)

    def values(places: list[tuple[float, float]]) -> list[float]:
        return sorted(drawn.value(place[along], axis, "%") for place in places)

    assert values([dot.middle for dot in drawn.dots]) == pytest.approx(
        sorted(run for cell in cells for run in cell.runs), abs=0.2
    )
    ends = [point for line in drawn.of("text")[1] if line.size[along] > 1 for point in line.points]
    assert values(ends) == pytest.approx(sorted(end for cell in cells for end in (cell.low, cell.high)), abs=0.2)
    long = [area.size[along] for area in drawn.areas]
    assert [size / long[0] for size in long] == pytest.approx([cell.mean / 20 for cell in cells], rel=0.01)
    assert {"small", "chance", *(cell.name for cell in cells)} <= {text for text, *_ in drawn.texts}


def test_cells_that_bars_from_0_would_make_alike_are_strokes_on_an_axis_of_their_own() -> None:
    chart = CellChart([("", [Bar("a", 74.0, 73, 75, [73.5, 74.5]), Bar("b", 76.0, 75, 77, [75.5])])], "%", 20)
    assert not chart.has_bars
    drawn = Drawn(chart.draw)
    assert min(drawn.levels("y", "%"))[0] == 73
    assert not drawn.areas
    strokes = [line for line in drawn.lines if line.style.get("stroke-width") == "3"]
    assert [drawn.value(line.middle[1], "y", "%") for line in strokes] == pytest.approx([74, 76], abs=0.02)
    assert chart.caption == "Thick strokes are means (the axis begins at 73 %)"
    assert chart.off_axis == " Chance, 20 %, lies outside the drawing."
    assert "chance" not in drawn.written


@BOTH
def test_the_axis_of_a_rating_goes_from_its_lowest_point_to_its_highest(width: float) -> None:
    names = [f"model {n}" for n in range(9 if width == NARROW else 2)]
    chart = CellChart([("", [Bar(name, 3.2, 0.5, 5.5, ()) for name in names])], "", scale=(1, 5))
    levels = [level for level, _ in Drawn(chart.draw, width).levels("x" if width == NARROW else "y")]
    assert not chart.has_bars
    assert (min(levels), max(levels)) == (1, 5)
    within = CellChart([("", [Bar(name, 3.2, 1, 5, ()) for name in names])], "", scale=(1, 5))
    assert inline(chart.draw, width) == inline(within.draw, width)


@BOTH
def test_a_cell_without_an_interval_is_drawn_all_the_same(width: float) -> None:
    drawn = Drawn(CellChart([("", [Bar("a", 5.0, NAN, NAN, [5.0])])], "").draw, width)
    assert "nan" not in drawn.written
    assert len(drawn.dots) == 1
    assert not drawn.of("text")[1]


def test_more_names_than_colours_lie_below_each_other_in_one_colour() -> None:
    names = [f"arm {n}" for n in range(COLOURS + 1)]
    lying = Drawn(CellChart([("small", [Bar(name, 50, 40, 60, [20, 80]) for name in names])], "%").draw)
    assert {area.style["fill"] for area in lying.areas} == {"var(--series-0)"}
    assert len({area.middle[1] for area in lying.areas}) == len(names)
    standing = Drawn(CellChart([("", [Bar(name, 50, 40, 60, [20, 80]) for name in names[:-1]])], "%").draw)
    assert len({area.style["fill"] for area in standing.areas}) == COLOURS
    assert len({area.middle[1] for area in standing.areas}) == 1


def test_whiskers_of_shares_end_where_shares_end() -> None:
    wide, whole, shorter = (
        inline(CellChart([("", [Bar("a", 50, low, high, [50])])], "%").draw, WIDTH)
        for low, high in ((-300, 400), (0, 100), (10, 90))
    )
    assert wide == whole
    assert wide != shorter
