"""The charts of a run's page show every value where it belongs."""

from functools import partial
from itertools import pairwise

import pytest

from distillrun.report.page.canvas import NARROW, WIDTH
from distillrun.report.page.chart import bars, curves, intervals, thinned
from tests.report.page.drawn import Drawn

BOTH = pytest.mark.parametrize("width", [WIDTH, NARROW])


def test_thinning_keeps_the_mean_and_bounds_the_count() -> None:
    points = [(float(step), float(step % 7)) for step in range(1000)]
    few = thinned(points, 200)
    assert len(few) == 200
    assert sum(y for _, y in few) / 200 == pytest.approx(sum(y for _, y in points) / 1000)
    assert thinned(points[:3]) == points[:3]
    assert thinned([]) == []


@BOTH
def test_every_point_of_a_curve_lies_at_its_values(width: float) -> None:
    series = {"train/loss": [(100, 4.0), (250, 3.0), (600, 0.5)], "train/loss/explain": [(100, 2.0), (600, 1.0)]}
    drawn = Drawn(partial(curves, series, False), width)
    for index, points in enumerate(series.values()):
        dots, lines = drawn.of(f"series-{index}")
        (line,) = [one for one in lines if one.style["stroke-width"] == "2"]
        assert [dot.middle for dot in dots] == [pytest.approx(place, abs=0.02) for place in line.points]
        found = [(drawn.value(x, "x"), drawn.value(y, "y")) for x, y in line.points]
        assert found == [pytest.approx(point, rel=0.01) for point in points]
    assert drawn.levels("y")[0][0] == 0


def test_a_long_curve_is_a_line_through_all_that_was_kept() -> None:
    points = [(float(step), float(step % 3)) for step in range(1, 201)]
    drawn = Drawn(partial(curves, {"loss": points}, False))
    (line,) = [one for one in drawn.of("series-0")[1] if one.style["stroke-width"] == "2"]
    assert len(line.points) == 200
    assert [round(drawn.value(y, "y")) for _, y in line.points] == [y for _, y in points]
    assert not drawn.dots


@BOTH
def test_shares_are_in_percent_and_chance_is_a_dashed_level(width: float) -> None:
    drawn = Drawn(partial(curves, {"dev/accuracy": [(1, 0.25), (2, 0.9)]}, True, 0.2), width)
    (line,) = [one for one in drawn.lines if "stroke-dasharray" in one.style]
    assert drawn.value(line.middle[1], "y", "%") == pytest.approx(20, abs=0.2)
    assert [drawn.value(dot.middle[1], "y", "%") for dot in drawn.dots] == pytest.approx([25, 90], abs=0.2)


def test_a_curve_far_from_0_is_drawn_on_an_axis_of_its_own() -> None:
    near, far = (
        Drawn(partial(curves, {"dev/accuracy": [(1, low), (2, 0.76)]}, True)).levels("y", "%")[0][0]
        for low in (0.1, 0.7)
    )
    assert (near, far) == (0, 70)


@BOTH
def test_an_interval_is_drawn_from_low_to_high(width: float) -> None:
    rows = [("test/accuracy", 0.5, 0.25, 0.75), ("test/other", 0.9, 0.85, 1.0)]
    drawn = Drawn(partial(intervals, rows, 0.2), width)
    dots, whiskers = drawn.of("series-0")
    for (_, value, low, high), dot, whisker in zip(rows, dots, whiskers, strict=True):
        ends = [drawn.value(x, "x", "%") for x, _ in whisker.points]
        assert [*ends, drawn.value(dot.middle[0], "x", "%")] == pytest.approx(
            [100 * low, 100 * high, 100 * value], abs=0.1
        )
    names = [text for text, *_ in drawn.texts]
    assert {"test/accuracy", "test/other", "chance"} <= set(names)


@BOTH
@pytest.mark.parametrize("count", [4, 30])
def test_bars_are_as_long_as_their_counts(width: float, count: int) -> None:
    rows = [(f"{10 * n}-{10 * n + 9}", n % 4) for n in range(1, count + 1)]
    drawn = Drawn(partial(bars, rows, "words"), width)
    long = [area.size[0 if count == 30 else 1] for area in drawn.areas]
    assert len(long) == count
    assert [size / max(long) for size in long] == pytest.approx([n / 3 for _, n in rows], abs=0.01)
    middles = [area.middle[1 if count == 30 else 0] for area in drawn.areas]
    assert all(later > earlier for earlier, later in pairwise(middles))
    assert {text for text, *_ in drawn.texts} == {*(name for name, _ in rows), *(str(n) for _, n in rows)}
