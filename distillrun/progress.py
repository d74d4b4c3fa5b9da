"""Progress of long work: a bar with rate and remaining time on a terminal, nothing elsewhere."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from distillrun.schema import Progress as Shown


class _Rate(TextColumn):
    """Shows how many units a second are done."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: object) -> Text:
        speed = getattr(task, "speed", None)
        return Text(f"{speed:.1f}/s" if speed else "", style="progress.data.speed")


class Bar:
    """A progress bar for `total` units of work, of which `done` were done before; use it as a context manager.

    It is drawn on a terminal, unless `progress` is never.
    """

    def __init__(self, label: str, total: int, done: int, progress: Shown) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[last]}"),
            TextColumn("{task.fields[note]}"),
        )
        hidden = progress is Shown.never or not sys.stderr.isatty()
        self._progress = Progress(*columns, console=Console(stderr=True), disable=hidden, transient=True)
        self._task = self._progress.add_task(label, total=total, completed=done, last="", note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, last: str = "", units: int = 1) -> None:
        """Count finished units, and show a word about the last one."""
        self._progress.update(self._task, advance=units, last=last)

    def note(self, note: str) -> None:
        """Show a note that stays."""
        self._progress.update(self._task, note=note)
