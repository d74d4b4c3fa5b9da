"""The interface of trackers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from distillrun.records import Json

Kind = Literal["teacher-data", "student", "report"]
"""What files are: what the run learnt from, what it made, or what it says of itself. Teacher data are texts."""

TEXTS = frozenset({"teacher-data", "predictions"})
"""The kinds of files and the tables that hold questions or what somebody wrote; they leave the machine on demand."""

Status = Literal["done", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """The description of a run that a tracker gets at its start.

    Attributes:
        folder: its run folder.
        name: what it is called.
        config: its settings, without secrets.
        job: experiment, the stage that it ends with where that is an earlier one, or sweep.
        group: the sweep that it belongs to; None = none.
        tags: the options that were chosen.
        id: tells it from every other run: the digest of what decides its results.
    """

    folder: Path
    name: str
    config: Mapping[str, Json]
    job: str
    group: str | None
    tags: tuple[str, ...]
    id: str


@runtime_checkable
class Tracker(Protocol):
    """A destination of metrics in addition to the run folder. Every method must tolerate a call after a failure."""

    def start(self, run: TrackedRun) -> None: ...

    def log(self, metrics: Mapping[str, float], step: int) -> None: ...

    def summary(self, values: Mapping[str, Json]) -> None: ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None: ...

    def files(self, kind: Kind, name: str, files: Mapping[str, Path]) -> None:
        """Keep files by their paths inside something of that name; a name stands for one content."""

    def finish(self, status: Status) -> None: ...
