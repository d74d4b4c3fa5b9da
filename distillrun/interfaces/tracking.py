"""Where metrics go."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from distillrun.records import Json


@runtime_checkable
class Tracker(Protocol):
    """Where metrics go besides the run folder. Every method must tolerate being called after a failure."""

    def start(self, folder: Path, name: str, config: Mapping[str, Json]) -> None: ...

    def log(self, metrics: Mapping[str, float], step: int) -> None: ...

    def summary(self, values: Mapping[str, Json]) -> None: ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None: ...

    def finish(self, succeeded: bool) -> None: ...
