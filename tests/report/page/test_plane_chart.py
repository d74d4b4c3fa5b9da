"""Charts over two axes show every value where it belongs."""

from functools import partial

import pytest

from distillrun.report.page.canvas import NARROW, WIDTH
from distillrun.report.page.plane_chart import heat_map, scatter
from tests.report.page.drawn import Drawn

BOTH = pytest.mark.parametrize("width", [WIDTH, NARROW])


@BOTH
def test_every_run_is_a_dot_at_its_cost_and_its_score(width: float) -> None:
    series = [("a", [(12.0, 61.5), (48.0, 20.0)]), ("b", [(30.0, 33.25)])]
    drawn = Drawn(partial(scatter, series, "seconds of training", "%"), width)
    for index, (_, points) in enumerate(series):
        places = [dot.middle for dot in drawn.of(f"series-{index}")[0]]
        found = [(drawn.value(x, "x"), drawn.value(y, "y", "%")) for x, y in places]
        assert found == [pytest.approx(point, abs=0.2) for point in points]
    assert "seconds of training" in [text for text, *_ in drawn.texts]


def test_scores_far_from_0_are_spread_over_the_chart() -> None:
    drawn = Drawn(partial(scatter, [("a", [(1.0, 74.0), (2.0, 76.0)])], "seconds", "%"))
    assert drawn.levels("y", "%")[0][0] == 74


@BOTH
def test_a_cell_of_a_grid_is_darker_the_higher_its_mean_and_says_it(width: float) -> None:
    values: list[list[float | None]] = [[10.0, 20.5], [None, 30.0]]
    drawn = Drawn(partial(heat_map, ["0.1", "0.01"], ["8", "32"], values, ("rate", "size")), width)
    dark = [float(area.style["opacity"]) for area in drawn.areas]
    assert dark == sorted(dark)
    assert len(set(dark)) == 3
    assert [(dark[1] - dark[0]) / (dark[2] - dark[0])] == pytest.approx([10.5 / 20], abs=0.01)
    places = {text: (x, y) for text, x, y in drawn.texts}
    for text, area in zip(("10", "20.5", "30"), drawn.areas, strict=True):
        assert places[text][0] == pytest.approx(area.middle[0], abs=1)
        assert abs(places[text][1] - area.middle[1]) < area.size[1] / 2
    assert places["0.01"][0] == pytest.approx(places["30"][0])
    assert {"rate", "size", "8", "32"} <= set(places)
