"""The page of one or several sweeps, from folders to files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distillrun.files.csv_text import csv_text
from distillrun.files.folder import make_folder
from distillrun.files.inside import read_text, write_whole
from distillrun.report.page.block import Page
from distillrun.report.page.files import write_page
from distillrun.report.sweep.findings import findings_of
from distillrun.report.sweep.page import sweep_page
from distillrun.report.sweep.results import cell_table, job_rows
from distillrun.text.secret import hide


def write_sweep_page(
    folders: Sequence[Path], out: Path, command: str = "", rule: str = "none", metric: str = ""
) -> Page:
    """Write the page of sweeps, and return it.

    Jobs may still run, or have failed. Into `out`: report.html, report.md, results.csv (a row for each job), cells.csv,
    sweep.json, tables/ and plots/. In a sweep's own folder, sweep.json keeps what the sweep wrote into it.

    Args:
        folders: of sweeps, or of single runs; at least one.
        out: a folder; it is made where it is not there.
        command: what asked for this page, where that was not the sweep itself.
        rule: none or iqr: whether the tests leave outlying runs out; both results are shown where they differ.
        metric: the score that is compared, as in `grid_of`.

    Raises:
        ConfigError: as in `findings_of`, before anything is written.
    """
    found = findings_of(folders, metric)
    page = sweep_page(found, command, rule, out)
    make_folder(out, "--out")
    write_whole(out, "results.csv", hide(csv_text(*job_rows(found.grid))))
    write_whole(out, "cells.csv", hide(csv_text(*cell_table(found.grid, found.rows))))
    write_page(out, page)
    write_whole(out, "sweep.json", json.dumps(_beside(out, found.values()), indent=1, ensure_ascii=False) + "\n")
    return page


def page_at_the_end(sweep: Path) -> str:
    """Write the page of a sweep into its folder, and return a line that says so; a page that fails costs no result."""
    try:
        write_sweep_page([sweep], sweep)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return f"the page of the sweep could not be written ({reason}); distillrun report {sweep} tries again"
    return f"report: {sweep / 'report.html'}"


def _beside(out: Path, values: dict[str, Any]) -> Mapping[str, Any]:
    """Return the values under "report" of the sweep's own sweep.json where it lies in `out`, else by themselves."""
    try:
        there = json.loads(read_text(out, "sweep.json"))
    except (OSError, ValueError, RecursionError):
        there = None
    return {**there, "report": values} if isinstance(there, dict) and "jobs" in there else {"report": values}
