"""The summary of a sweep in the tracker of its jobs: one run, with its tables and its plots."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

from distillrun.config.settings import Config, digest
from distillrun.files.folder import files_in
from distillrun.records import Json

PAGE = ("report.html", "report.md", "results.csv", "cells.csv", "sweep.json")
TABLES = ("cells", "results")


def track_sweep(sweep: Path, config: Config) -> None:
    """Record a sweep whose page is written in its tracker; a tracker that fails costs no result.

    Args:
        sweep: its folder, in which nothing decides: somebody else may have made it.
        config: of its first job, as the command line made it and as it was checked.
    """
    from distillrun.config.build import build
    from distillrun.interfaces import TrackedRun
    from distillrun.tracking.jsonl import RunLog

    content: dict[str, Any] = json.loads((sweep / "sweep.json").read_text(encoding="utf-8"))
    jobs = content["jobs"]
    tracker = RunLog(build(config.tracking, "tracking", config.runtime.allow_targets))
    about: dict[str, Json] = {"command": content["command"], "jobs": len(jobs)}
    name = hashlib.sha256(f"{sweep.name} {digest(config)}".encode()).hexdigest()[:16]
    tracker.start(TrackedRun(sweep, sweep.name, about, "sweep", sweep.name, (), f"sweep-{name}"))
    states = [str(job["state"]) for job in jobs]
    tracker.summary({f"jobs/{state}": states.count(state) for state in sorted(set(states))})
    for name in TABLES:
        tracker.table(name, *_rows(sweep / f"{name}.csv"))
    page = {name: sweep / name for name in PAGE if (sweep / name).is_file()}
    for folder in ("tables", "plots"):
        page |= {f"{folder}/{name}": file for name, file in files_in(sweep / folder).items()}
    tracker.files("report", f"sweep-{sweep.name}", page)
    tracker.finish("done" if content["complete"] and set(states) == {"done"} else "failed")


def _rows(file: Path) -> tuple[list[str], list[list[Json]]]:
    with file.open(encoding="utf-8", newline="") as stream:
        head, *rows = csv.reader(stream)
    return head, [[_value(text) for text in row] for row in rows]


def _value(text: str) -> Json:
    try:
        return float(text)
    except ValueError:
        return text or None
