"""The folder of one run: its log, its config, its result, and links to what the store holds."""

import io
import json
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from distillrun.config.settings import Config, plain
from distillrun.files.disk import disk_trouble
from distillrun.files.inside import append_to, link_to, refuse_links, write_whole
from distillrun.files.yaml_text import yaml_text
from distillrun.pipeline.outcome import Outcome
from distillrun.process.progress import log as progress_log
from distillrun.process.progress import on_terminal
from distillrun.records import Json
from distillrun.report.run.values import mapping
from distillrun.report.run.writing import write_report
from distillrun.text.secret import hide
from distillrun.tracking.jsonl import METRICS, read_metrics

log = logging.getLogger("distillrun")


class _Stream(logging.StreamHandler[TextIO]):
    """A stream of the terminal; one that its reader has closed ends no run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


class _Hiding(logging.Formatter):
    """Writes no key into a log, whoever echoed it."""

    def format(self, record: logging.LogRecord) -> str:
        return hide(super().format(record))


FOREIGN = ("wandb", "mlflow*")
"""What other packages write into the folder of a run; they follow links."""


class _LogFile(logging.FileHandler):
    """A log inside a folder that somebody else may have made; where it cannot be written, it ends no run."""

    _has_failed = False

    def _open(self) -> io.TextIOWrapper:
        path = Path(self.baseFilename)
        return io.TextIOWrapper(append_to(path.parent, path.name), encoding="utf-8", line_buffering=True)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_failed:
            self._has_failed = True
            log.warning("%s can no longer be written (%s)", self.baseFilename, error.strerror)

    def close(self) -> None:
        with suppress(OSError):
            super().close()


class RunFolder:
    """Keeps everything about a run in one place; as a context manager, it also keeps its log."""

    def __init__(self, path: Path, config: Config) -> None:
        self.path = path
        refuse_links(path, FOREIGN)
        to_file = _LogFile(path / "run.log", encoding="utf-8")
        to_file.setFormatter(_Hiding("%(asctime)s %(levelname)s %(message)s"))
        told = _Stream(sys.stderr)
        told.setFormatter(_Hiding())
        told.setLevel(logging.INFO)
        # the command line prints tracebacks itself
        told.addFilter(lambda record: record.exc_info is None and record.name != progress_log.name)
        progress = _Stream(sys.stdout)
        progress.addFilter(lambda record: record.name == progress_log.name and not on_terminal())
        self._handlers = (to_file, told, progress)
        write_whole(path, "config.yaml", yaml_text(plain(config)))

    def __enter__(self) -> Self:
        log.setLevel(logging.DEBUG)
        log.propagate = False
        for handler in self._handlers:
            log.addHandler(handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for handler in self._handlers:
            log.removeHandler(handler)
            handler.close()

    def write_result(self, result: Mapping[str, Json]) -> None:
        """Write `result.json`, whole or not at all."""
        write_whole(self.path, "result.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")

    def write_predictions(self, rows: Sequence[Mapping[str, Json]]) -> None:
        """Write `predictions.jsonl`: the answers of all evaluators, each with its question."""
        self._write_rows("predictions.jsonl", rows)

    def write_measured(self, name: str, rows: Sequence[Mapping[str, Json]]) -> None:
        """Write `measures/<name>.jsonl`: what a measure saw, row by row."""
        if rows:
            self._write_rows(f"measures/{name}.jsonl", rows)

    def write_report(self, result: Mapping[str, Json], outcome: Outcome) -> None:
        """Write `report.html` and `report.md`; a page that cannot be written costs no result."""
        metrics = self.path / METRICS
        first = next(iter(outcome.predictions.values()), [])
        try:
            write_report(
                self.path,
                result,
                plain(outcome.config),
                read_metrics(metrics) if metrics.exists() else [],
                [asdict(prediction) for prediction in first],
                [asdict(example) for example in outcome.examples["test"]],
                mapping(result["data"]),
            )
        except Exception as error:
            trouble = disk_trouble(error)
            if trouble is None:
                log.exception("the report could not be written; result.json holds everything")
            else:
                log.warning("the report could not be written; result.json holds everything: %s", trouble)

    def link(self, name: str, stored: Path) -> None:
        """Make a name in the folder point to what is stored; where links are not to be had, it is copied."""
        try:
            link_to(self.path, name, stored.resolve())
        except OSError:
            shutil.copytree(stored, self.path / name, dirs_exist_ok=True)

    def _write_rows(self, name: str, rows: Sequence[Mapping[str, Json]]) -> None:
        write_whole(self.path, name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
