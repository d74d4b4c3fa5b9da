"""The live view of a sweep on a terminal: jobs, their stage, remaining time and dev accuracy."""

import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distillrun.records import Json
from distillrun.sweep.job import QUIET, Job, jobs_in, own_settings

if TYPE_CHECKING:
    from rich.table import Table

EVERY_S = 1.0
ENDED = ("done", "failed", "killed", "refused", "interrupted", "budget spent", "skipped")
STYLES = {"done": "green", "running": "cyan", "failed": "red", "killed": "red", "refused": "red"}
_MAKING = re.compile(r" INFO (\S+): (?:making|resuming)\b")


@dataclass(frozen=True, slots=True)
class Line:
    """One job as it is shown."""

    job: str
    settings: str
    state: str
    stage: str
    left: str
    dev: str


@contextmanager
def live_view(sweep: Path, total: int | None, wanted: bool) -> Iterator[None]:
    """Draw the jobs of a sweep until the block ends, where standard output is a terminal and it is wanted.

    Meanwhile nothing else is printed: what a job prints goes into the file `console.log` of its folder.

    Args:
        sweep: its folder.
        total: how many jobs there will be; None where the sweeper chooses as it goes.
        wanted: draw at all.
    """
    if not (wanted and sys.stdout.isatty()):
        yield
        return
    from rich.live import Live

    os.environ[QUIET] = "1"
    ended = threading.Event()
    with Live(_drawn(sweep, total), refresh_per_second=4, transient=True) as live:

        def draw() -> None:
            while not ended.wait(EVERY_S):
                live.update(_drawn(sweep, total))

        thread = threading.Thread(target=draw, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            del os.environ[QUIET]


def lines(sweep: Path) -> list[Line]:
    """Return the jobs of a sweep that were started, the running ones last."""
    jobs = jobs_in(sweep)
    told = [_line(job, settings) for job, settings in zip(jobs, own_settings(jobs), strict=True)]
    return sorted(told, key=lambda line: line.state == "running")


def _drawn(sweep: Path, total: int | None) -> "Table":
    from rich.table import Table
    from rich.text import Text

    found = lines(sweep)
    done = sum(line.state in ENDED for line in found)
    of = f" of {total}" if total is not None else ""
    table = Table(title=f"{done}{of} jobs ended", title_justify="left", box=None, pad_edge=False, expand=True)
    for column in ("job", "settings", "state", "stage", "left", "dev accuracy"):
        # settings and reasons may be long, and get what is left of the line
        share = {"settings": 2, "stage": 1}.get(column)
        table.add_column(column, overflow="ellipsis", no_wrap=True, ratio=share)
    height = max(5, _height() - 4)
    for line in found[-height:]:
        state = Text(line.state, style=STYLES.get(line.state, "yellow"))
        table.add_row(line.job, Text(line.settings), state, line.stage, line.left, line.dev)
    return table


def _height() -> int:
    return os.get_terminal_size(sys.stdout.fileno()).lines


def _line(job: Job, settings: Sequence[str]) -> Line:
    name = " ".join(settings) or " ".join(job.overrides)
    if job.state != "running":
        return Line(str(job.number), name, job.state, job.why, "", _dev(_metrics(Path(job.folder))))
    folder = Path(job.folder)
    metrics = _metrics(folder)
    stage = _stage(folder)
    left = _left(metrics, folder) if stage == "train" else ""
    return Line(str(job.number), name, job.state, stage, left, _dev(metrics))


def _stage(folder: Path) -> str:
    """Return the stage that a job makes, from the end of its log."""
    try:
        with (folder / "run.log").open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - 8192))
            found = _MAKING.findall(stream.read().decode("utf-8", errors="replace"))
    except OSError:
        return "begins"
    return found[-1] if found else "begins"


def _metrics(folder: Path) -> list[dict[str, Json]]:
    from distillrun.tracking.jsonl import METRICS, read_metrics

    try:
        return read_metrics(folder / METRICS)
    except OSError:
        return []


def _dev(metrics: Sequence[Mapping[str, Json]]) -> str:
    values = [value for line in metrics if isinstance(value := line.get("dev/accuracy"), float)]
    return f"{100 * values[-1]:.1f} %" if values else ""


def _left(metrics: Sequence[Mapping[str, Json]], folder: Path) -> str:
    """Return how long a training still takes, at the pace of its steps so far."""
    from distillrun.text.display import duration

    times = [(line["step"], line["time"]) for line in metrics]
    points = [(float(step), float(at)) for step, at in times if isinstance(step, int) and isinstance(at, int | float)]
    try:
        found = re.search(r"^  max_steps: (\d+)$", (folder / "config.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return ""
    if found is None or len(points) < 2 or points[-1][0] <= points[0][0]:
        return ""
    pace = (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])
    return duration(max(0.0, (int(found[1]) - points[-1][0]) * pace))
