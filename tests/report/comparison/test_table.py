"""Numbers of a user's table are read as the spreadsheet that saved it wrote them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from distillrun.report.comparison.table import Request, read_observations


def values(folder: Path, cells: Sequence[str]) -> list[float]:
    rows = [f"{'ab'[place % 2]};{cell}" for place, cell in enumerate(cells)]
    (folder / "a.csv").write_text("\n".join(["model;value", *rows]), encoding="utf-8")
    return sorted(one.value for one in read_observations(folder / "a.csv", Request("value", ["model"], scale=1)).rows)


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["0,25", "0,5", "-1,125", "2"], [-1.125, 0.25, 0.5, 2.0]),
        (["0.25", "0.5"], [0.25, 0.5]),
        (["12,5", "1,125"], [1.125, 12.5]),
    ],
)
def test_a_decimal_comma_is_a_point(tmp_path: Path, cells: list[str], numbers: list[float]) -> None:
    assert values(tmp_path, cells) == numbers


@pytest.mark.parametrize("cells", [["1,234", "5,678"], ["1,5", "2.5"], ["1,2,3", "4"], ["1,x", "2"]])
def test_commas_that_may_part_thousands_are_refused(tmp_path: Path, cells: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"no numbers: .*a\.csv:2: value='1,"):
        values(tmp_path, cells)
