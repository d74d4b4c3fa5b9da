"""The result of a metric."""

from dataclasses import dataclass
from typing import Any

from distillrun.records.answering import Score
from distillrun.records.base import Record

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class ResultTable(Record):
    """Rows of numbers and names for the report; None where there is nothing to tell.

    `shares` are the columns whose numbers are fractions of 1, or differences of such: a page shows them in percent.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    shares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultCurve(Record):
    """Lines over one axis, each with the points (x, share) that it joins.

    Attributes:
        title: what is shown.
        axis: what x is.
        lines: by name.
        note: how to read it.
    """

    title: str
    axis: str
    lines: dict[str, tuple[tuple[float, float], ...]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class MetricResult(Record):
    """The result of a metric.

    Attributes:
        scores: numbers with their n and interval, under bare names; the stage puts the split in front.
        tables, curves: for the report.
        rows: one for each thing that was looked at, such as a question, for other counts.
        note: what a reader must know, such as why nothing could be measured.
    """

    scores: tuple[Score, ...] = ()
    tables: tuple[ResultTable, ...] = ()
    curves: tuple[ResultCurve, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()  # of JSON values
    note: str = ""
