"""MLflow, in a local database or on a server."""

import importlib
import importlib.util
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError, install
from distillrun.files.csv_text import csv_text
from distillrun.files.inside import write_whole
from distillrun.interfaces import TEXTS, Kind, Status, TrackedRun
from distillrun.records import Json

MOST_VALUE = 6000
"""Characters of a parameter; MLflow refuses longer ones."""

STATES: Mapping[Status, str] = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class Mlflow:
    """One MLflow run per job, always ended. `mlflow ui --backend-store-uri URI` shows them.

    Args:
        uri: of the store: a server, or a local database such as sqlite:///mlflow.db (MLflow's plain files are no longer
            kept up). None = what MLFLOW_TRACKING_URI says, which is the place for one with a password.
        experiment: what MLflow files the run under.
        artifacts: the folder for files, where the store is a local database.
        tags: words to filter runs by, in addition to the chosen options.
        log_student: whether the trained student is kept there, too.
        log_texts: whether a server gets questions, predictions and the teacher's texts; a local database has them.
    """

    def __init__(
        self, uri: str | None, experiment: str, artifacts: str, tags: Sequence[str], log_student: bool, log_texts: bool
    ) -> None:
        if importlib.util.find_spec("mlflow") is None:
            raise ConfigError(f"tracking=mlflow needs the package mlflow; {install('mlflow')}")
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "")
        if not self.uri:
            raise ConfigError(
                "tracking.uri=null: the environment has no MLFLOW_TRACKING_URI; export it, or set the key"
            )
        self.experiment = experiment
        self.artifacts = artifacts
        self.tags = tuple(tags)
        self.log_student = log_student
        self.log_texts = log_texts or self._is_local
        self._client: Any = None
        self._run = ""
        self._folder = Path()

    @property
    def _is_local(self) -> bool:
        return self.uri.startswith("sqlite:")

    def start(self, run: TrackedRun) -> None:
        """Open the run. Jobs that start together make the database one after the other."""
        from filelock import FileLock

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._folder = run.folder
        place = Path(self.uri.removeprefix("sqlite:///")) if self._is_local else run.folder / "mlflow"
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_suffix(".lock")):
            self._client = importlib.import_module("mlflow").MlflowClient(tracking_uri=self.uri)
            known = self._client.get_experiment_by_name(self.experiment)
            location = Path(self.artifacts).resolve().as_uri() if self._is_local else None
            number = known.experiment_id if known else self._client.create_experiment(self.experiment, location)
        tags = dict.fromkeys((*run.tags, *self.tags), "yes") | {"job": run.job}
        tags |= {"sweep": run.group} if run.group else {}
        self._run = self._client.create_run(number, tags=tags, run_name=run.name).info.run_id
        for key, value in _leaves("", dict(run.config)):
            self._client.log_param(self._run, key, str(value)[:MOST_VALUE])

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        entity = importlib.import_module("mlflow.entities").Metric
        now = int(time.time() * 1000)
        found = [entity(_named(key), value, now, step) for key, value in metrics.items() if math.isfinite(value)]
        self._client.log_batch(self._run, metrics=found)

    def summary(self, values: Mapping[str, Json]) -> None:
        for key, value in values.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                self._client.log_metric(self._run, _named(key), value)
            elif value is not None:
                self._client.set_tag(self._run, _named(key), str(value)[:MOST_VALUE])

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> None:
        if name in TEXTS and not self.log_texts:
            return
        write_whole(self._folder, f"{name}.csv", csv_text(columns, rows))
        self._client.log_artifact(self._run, str(self._folder / f"{name}.csv"))

    def files(self, kind: Kind, name: str, files: Mapping[str, Path]) -> None:
        if (kind == "student" and not self.log_student) or (kind in TEXTS and not self.log_texts):
            return
        self._client.set_tag(self._run, kind, name)
        for path, file in files.items():
            self._client.log_artifact(self._run, str(file), str(Path(kind, path).parent))

    def finish(self, status: Status) -> None:
        run, self._run = self._run, ""
        if run:
            self._client.set_terminated(run, STATES[status])


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the settings by their dotted keys."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), item)
    else:
        yield _named(path), value


def _named(key: str) -> str:
    """Return a name that MLflow takes: letters, digits, and a few signs."""
    return "".join(sign if sign.isalnum() or sign in "_-. /" else "_" for sign in key)
