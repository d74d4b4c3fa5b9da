"""The colours of charts: the light ones of the page, by the names of its CSS variables."""

import re
from functools import cache
from importlib.resources import files

COLOURS = 8
"""How many series have a colour of their own."""


@cache
def palette() -> dict[str, str]:
    """Return the light colours of the page's style by name; a chart is drawn in them, and no two are equal."""
    css = files("distillrun.report.page").joinpath("page.css").read_text(encoding="utf-8")
    light = css[: css.index("@media")]
    return dict(re.findall(r"--(text|quiet|rule|series-\d): (#[0-9a-f]{6})", light))


def colour(name: str) -> str:
    """Return a colour of the page, such as that of `quiet` text."""
    return palette()[name]


def of_series(index: int) -> str:
    """Return the colour of a series; after the last one they begin again."""
    return colour(f"series-{index % COLOURS}")
