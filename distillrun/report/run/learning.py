"""The course of training: the losses and the dev scores over steps."""

from collections.abc import Mapping, Sequence

from distillrun.report.page.block import Block, Figure, Paragraph, Section, Table
from distillrun.report.page.chart import Points, curves
from distillrun.report.page.svg import COLOURS
from distillrun.report.run.values import Values, finite
from distillrun.text.display import NOTHING, number, percent

LOSS = "train/loss"
ROWS = 8


def learning_section(metrics: Sequence[Values], chance: float | None) -> Section | None:
    """Return the learning curves; None where no step was logged."""
    names = list(dict.fromkeys(name for line in metrics for name in line))
    losses = {name: _points(metrics, name) for name in names if name == LOSS or name.startswith(LOSS + "/")}
    scores = {name: _points(metrics, name) for name in names if name.startswith("dev/") and "accuracy" in name}
    blocks: list[Block] = []
    if drawn := _drawable(losses):
        most = max(len(points) for points in drawn.values())
        means = f", each point the mean of up to {-(-most // 200)} logged steps" if most > 200 else ""
        caption = f"Loss of the training steps, in the parts that the objective weighs{means}."
        blocks.append(Figure(curves(drawn, as_percent=False), caption, _table(drawn, as_percent=False)))
    if drawn := _drawable(scores):
        caption = "Accuracy on dev while training; test is looked at once, after it."
        blocks.append(Figure(curves(drawn, as_percent=True, chance=chance), caption, _table(drawn, as_percent=True)))
    blocks += [Paragraph(text, "bad") for name in losses if (text := _not_finite(metrics, name))]
    return Section("Learning", blocks) if blocks else None


def _points(metrics: Sequence[Values], name: str) -> Points:
    pairs = [(finite(line.get("step")), finite(line.get(name))) for line in metrics if name in line]
    return [(step, value) for step, value in pairs if step is not None and value is not None]


def _drawable(series: Mapping[str, Points]) -> dict[str, Points]:
    return dict([(name, points) for name, points in series.items() if points][:COLOURS])


def _table(series: Mapping[str, Points], as_percent: bool) -> Table:
    steps = sorted({step for points in series.values() for step, _ in points})
    last = len(steps) - 1
    shown = sorted({steps[round(index * last / (ROWS - 1))] for index in range(ROWS)})
    known = {name: dict(points) for name, points in series.items()}
    rows = [[f"{step:g}", *(_cell(values.get(step), as_percent) for values in known.values())] for step in shown]
    return Table(["step", *known], rows, frozenset(range(len(known) + 1)))


def _cell(value: float | None, as_percent: bool) -> str:
    if value is None:
        return NOTHING
    return percent(value) if as_percent else number(value)


def _not_finite(metrics: Sequence[Values], name: str) -> str:
    lost = [line.get("step") for line in metrics if name in line and finite(line[name]) is None]
    if not lost:
        return ""
    return f"{name} was not a finite number at {len(lost)} of the logged steps, first at step {number(lost[0])}."
