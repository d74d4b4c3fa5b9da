"""The course of training: the losses and the dev scores over steps."""

from collections.abc import Mapping, Sequence
from functools import partial

from distillrun.report.page.block import Block, Figure, Paragraph, Section, Table
from distillrun.report.page.chart import Points, curves
from distillrun.report.page.palette import COLOURS
from distillrun.report.run.values import Values, finite
from distillrun.text.cut_samples import CUT_SHARE, told_of_cut_samples
from distillrun.text.display import NOTHING, number, percent

LOSS = "train/loss"
ROWS = 8
COURSE: Mapping[str, str] = {
    "train/learning_rate": "Learning rate.",
    "train/gradient_norm": "Norm of the gradient before it is clipped.",
    "train/tokens_per_second": "Source and target tokens per second of optimizer steps, without padding, on the "
    "machine that trained.",
    CUT_SHARE: "Share of the texts sampled in a step that were cut off at their longest length.",
    "train/peak_memory_mib": "Peak memory so far, in MiB: tensors on a GPU, the whole process on a CPU.",
}
"""What is drawn of the training besides losses and accuracies, and the sentence under it."""

COURSE_HEIGHT = 90


def learning_section(metrics: Sequence[Values], chance: float | None) -> Section | None:
    """Return the learning curves; None where no step was logged."""
    names = list(dict.fromkeys(name for line in metrics for name in line))
    losses = {name: _points(metrics, name) for name in names if name == LOSS or name.startswith(LOSS + "/")}
    scores = {name: _points(metrics, name) for name in names if name.startswith("dev/") and "accuracy" in name}
    blocks: list[Block] = []
    if drawn := _drawable(losses):
        most = max(len(points) for points in drawn.values())
        means = f", each point the mean of up to {-(-most // 200)} logged steps" if most > 200 else ""
        caption = f"Training loss, in total and in the parts that the objective weighs{means}."
        blocks.append(Figure(partial(curves, drawn, False), caption, _table(drawn, as_percent=False)))
    if drawn := _drawable(scores):
        caption = "Accuracy on dev during training; test is evaluated once, at the end."
        blocks.append(Figure(partial(curves, drawn, True, chance), caption, _table(drawn, as_percent=True)))
    for name, caption in COURSE.items():
        if points := _points(metrics, name):
            course = {name: points}
            draw = partial(curves, course, False, height=COURSE_HEIGHT)
            blocks.append(Figure(draw, caption, _table(course, as_percent=False), small=True))
    if told := told_of_cut_samples(metrics):
        blocks.append(Paragraph(f"{told}."))
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
