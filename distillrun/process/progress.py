"""Progress of long work: a bar on a terminal, and a line each minute in run.log and wherever there is no terminal."""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from distillrun.config.schema import Progress as Shown
from distillrun.text.display import duration

EVERY_S = 60.0
"""Between two lines."""

WINDOW = 5
"""Lines over which a rate is taken, so that what was quick at first does not count for ever."""

log = logging.getLogger("distillrun.process.progress")


def on_terminal() -> bool:
    """Return whether there is a terminal to draw on; where either stream goes elsewhere, lines are written instead."""
    return sys.stdout.isatty() and sys.stderr.isatty()


@contextmanager
def telling(line: Callable[[], str], shown: Shown) -> Iterator[None]:
    """Log a line each minute until the block ends, unless `shown` is never."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(EVERY_S):
            log.info("%s", line())

    thread = threading.Thread(target=tell, daemon=True)
    if shown is not Shown.never:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join()


@contextmanager
def at_work(label: str, shown: Shown) -> Iterator[None]:
    """Log each minute how long work has gone on, where its extent is not known in advance."""
    begun = time.monotonic()
    with telling(lambda: f"{label}: at work for {duration(time.monotonic() - begun)}", shown):
        yield


class _Rate(TextColumn):
    """A column with the units done per second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: object) -> Text:
        speed = getattr(task, "speed", None)
        return Text(f"{speed:.1f}/s" if speed else "", style="progress.data.speed")


class Bar:
    """The progress of `total` units of work, of which `done` were done before; use it as a context manager.

    It is drawn on a terminal and logged in lines, unless `shown` is never.
    """

    def __init__(self, label: str, total: int, done: int, shown: Shown, unit: str) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[last]}"),
            TextColumn("{task.fields[note]}"),
        )
        hidden = shown is Shown.never or not on_terminal()
        self._progress = Progress(*columns, console=Console(stderr=True), disable=hidden, transient=True)
        self._task = self._progress.add_task(label, total=total, completed=done, last="", note="")
        self._label, self._total, self._done, self._unit = label, total, done, unit
        self._last = self._note = ""
        self._marks = deque([(time.monotonic(), done)], maxlen=WINDOW + 1)
        self._telling = telling(self.line, shown)

    def __enter__(self) -> Self:
        self._progress.start()
        self._telling.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._telling.__exit__(None, None, None)
        self._progress.stop()

    def advance(self, last: str = "", units: int = 1) -> None:
        """Count finished units, and show a word about the last one."""
        self._done += units
        self._last = last
        self._progress.update(self._task, advance=units, last=last)

    def note(self, note: str) -> None:
        """Show a note that stays."""
        self._note = note
        self._progress.update(self._task, note=note)

    def line(self) -> str:
        """Return the progress as text: how far, at what rate, and how long it still takes at that rate."""
        now, done = time.monotonic(), self._done
        (before, had) = self._marks[0]
        self._marks.append((now, done))
        rate = (done - had) / max(now - before, 1e-9)
        parts = [f"{done:,} of {self._total:,} {self._unit} ({done / self._total:.0%})", self._last]
        parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min")
        parts.append(f"{duration((self._total - done) / rate)} left" if rate else "")
        return f"{self._label}: " + ", ".join(part for part in [*parts, self._note] if part)
