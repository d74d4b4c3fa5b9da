"""The cost of each generation step as a table with a row for each step."""

from collections.abc import Sequence

from distillrun.records import Json
from distillrun.report.page.block import Table
from distillrun.report.run.values import Values, finite, mapping
from distillrun.text.display import number

SUMS = (
    "requests",
    "asked now",
    "reused",
    "prompt_tokens",
    "completion_tokens",
    "discarded_tokens",
    "usd",
    "US$ now",
)
"""What can be added up over steps."""


def step_tables(steps: Values) -> list[Table]:
    """Return two tables: what the steps took, with their sum where there are several; and what they are."""
    cells = {name: mapping(step) for name, step in steps.items()}
    took = [[name, *(number(step.get(key)) for key in SUMS)] for name, step in cells.items()]
    if len(cells) > 1:
        took.append(["all", *(_sum([step.get(key) for step in cells.values()]) for key in SUMS)])
    heads = [{"usd": "US$"}.get(key, key.replace("_", " ")) for key in SUMS]
    rest = list(dict.fromkeys(key for step in cells.values() for key in step if key not in SUMS))
    about = [[name, *(number(step.get(key)) for key in rest)] for name, step in cells.items()]
    return [
        Table(["step", *heads], took, frozenset(range(1, len(heads) + 1))),
        *([Table(["step", *rest], about)] if rest else []),
    ]


def _sum(values: Sequence[Json]) -> str:
    """Return the sum of what is a number."""
    known = [value for value in values if finite(value) is not None and isinstance(value, int | float)]
    return number(sum(known)) if known else number(None)
