"""The run folder's own metrics, always written, and the tracker that adds nothing to them."""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distillrun.files.disk import named, writing
from distillrun.files.inside import append_to, read_text, write_whole
from distillrun.records import Json

if TYPE_CHECKING:  # interfaces needs torch, and reading the metrics of a run does not
    from distillrun.interfaces import Kind, Status, TrackedRun, Tracker

log = logging.getLogger("distillrun")

METRICS = "metrics.jsonl"


class Jsonl:
    """No tracker in addition to the run folder."""

    def start(self, run: "TrackedRun") -> None: ...

    def log(self, metrics: Mapping[str, float], step: int) -> None: ...

    def summary(self, values: Mapping[str, Json]) -> None: ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None: ...

    def files(self, kind: "Kind", name: str, files: Mapping[str, Path]) -> None: ...

    def finish(self, status: "Status") -> None: ...


class RunLog:
    """The metrics of a run: written to `metrics.jsonl`, and passed on to the chosen tracker.

    The file is the record: a tracker that fails is named once in the log and the run goes on without it.
    """

    def __init__(self, tracker: "Tracker") -> None:
        self._tracker = tracker
        self._folder: Path | None = None
        self._tracker_failed = False
        self._has_begun = False

    def start(self, run: "TrackedRun") -> None:
        self._folder = run.folder
        self._try("start", lambda: self._tracker.start(run))

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Append one line `{"step", "time", name: value, …}`; a value that is not finite is written as null."""
        if self._folder is None:
            raise RuntimeError("RunLog.start comes before RunLog.log")
        values = {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}
        line = json.dumps({"step": step, "time": round(time.time(), 3), **values}, allow_nan=False)
        with writing("paths.run", self._folder), named(self._folder / METRICS):
            if not self._has_begun:  # a sitting hands over all metrics, also those of earlier ones in this folder
                write_whole(self._folder, METRICS, "")
                self._has_begun = True
            with append_to(self._folder, METRICS) as stream:
                stream.write(f"{line}\n".encode())
        self._try("log", lambda: self._tracker.log(metrics, step))

    def summary(self, values: Mapping[str, Json]) -> None:
        self._try("summary", lambda: self._tracker.summary(values))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None:
        self._try("table", lambda: self._tracker.table(name, columns, rows))

    def files(self, kind: "Kind", name: str, files: Mapping[str, Path]) -> None:
        self._try("files", lambda: self._tracker.files(kind, name, files))

    def finish(self, status: "Status") -> None:
        """End the tracker's run, also after it failed: a run that stays open looks as if it were still running."""
        failed, self._tracker_failed = self._tracker_failed, False
        self._try("finish", lambda: self._tracker.finish(status), silent=failed)

    def _try(self, what: str, call: Callable[[], None], silent: bool = False) -> None:
        if self._tracker_failed:
            return
        try:
            call()
        except Exception as error:
            self._tracker_failed = True
            if not silent:
                reason = (str(error).splitlines() or [""])[0]
                log.warning(
                    "tracking: %s failed in %s (%s: %s); the run goes on, its metrics are in %s",
                    type(self._tracker).__name__,
                    what,
                    type(error).__name__,
                    reason,
                    METRICS,
                )


def read_metrics(file: Path) -> list[dict[str, Json]]:
    """Return the lines of a metrics file, without a last line that was torn by a kill."""
    lines: list[dict[str, Json]] = []
    for text in read_text(file.parent, file.name).split("\n"):  # splitlines breaks texts at U+2028
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):  # also of a number that is too long, or what is nested too deeply
            continue
        if isinstance(line, dict):
            lines.append(line)
    return lines
