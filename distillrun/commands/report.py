"""`distillrun report`: compares the runs of sweeps, or the rows of any table."""

import argparse
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.files.folder import make_folder


def report(arguments: Sequence[str]) -> int:
    """Compare the runs of sweeps, or the rows of any table, and write report.html, report.md and report.json."""
    given = report_parser().parse_args(arguments)
    if given.chance is not None and not 0 <= given.chance < math.inf:
        raise ConfigError(f"--chance {given.chance:g}: the score of guessing must be 0 or more")
    command = shlex.join(["distillrun", "report", *arguments])
    if given.table is not None and given.folders:
        raise ConfigError(f"--table {given.table} and folders make two different reports; give one of them")
    if given.table is not None:
        return _table(given, command)
    if not given.folders:
        raise ConfigError("say what to compare: the folders of sweeps or runs, or --table FILE")
    return _sweeps(given, command)


def report_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("distillrun report", description=report.__doc__)
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="the folder of a sweep or of a single run"
    )
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="a .csv, .jsonl, .json or .parquet file with one row per run"
    )
    parser.add_argument("--value", metavar="COLUMN", help="the number to compare; for folders, the name of a score")
    parser.add_argument(
        "--factors",
        nargs="+",
        metavar="FACTOR",
        help="COLUMN, COLUMN+COLUMN (joined) or NAME=COLUMN+COLUMN; levels of the first factor are compared in pairs",
    )
    for option, what in (
        ("where", "keep only rows that meet all of these"),
        ("drop", "leave out rows that meet all of these"),
    ):
        parser.add_argument(
            f"--{option}",
            nargs="+",
            action="append",
            default=[],
            metavar="COLUMN=VALUE",
            help=f"{what}; may be repeated",
        )
    parser.add_argument(
        "--rename", nargs="+", default=[], metavar="OLD=NEW", help="show another name for a value of a factor"
    )
    parser.add_argument("--scale", type=float, help="multiply values; default: 100 where all lie between 0 and 1")
    parser.add_argument(
        "--outliers", choices=("none", "iqr"), default="none", help="which result comes first; both are shown"
    )
    parser.add_argument("--chance", type=float, metavar="SHARE", help="the score of guessing")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write; default: the sweep's folder, or one next to the table"
    )
    return parser


def _sweeps(given: argparse.Namespace, command: str) -> int:
    from distillrun.report.page.terminal import terminal
    from distillrun.report.sweep.writing import write_sweep_page

    for option in ("factors", "where", "drop", "rename", "scale", "chance"):
        if getattr(given, option) not in (None, []):
            raise ConfigError(f"--{option} applies to --table only; the factors of a sweep are what its jobs differ in")
    if given.out is None and len(given.folders) > 1:
        raise ConfigError("a report of several folders needs --out DIR, since it belongs to none of them")
    out = given.out or given.folders[0]
    page = write_sweep_page(given.folders, out, command, given.outliers, given.value or "")
    sys.stdout.write(f"{terminal(page)}\nreport: {out}\n")
    return 0


def _table(given: argparse.Namespace, command: str) -> int:
    from distillrun.report.comparison.table import Request, read_observations
    from distillrun.report.comparison.writing import table_report, write_table_report
    from distillrun.report.page.terminal import terminal

    if given.value is None or given.factors is None:
        raise ConfigError("--table needs --value COLUMN and --factors COLUMN …")
    request = Request(given.value, given.factors, given.where, given.drop, given.rename, given.scale)
    observations = read_observations(given.table, request)
    made = table_report(observations, given.value, given.outliers, given.chance or 0.0, command)
    out = given.out or given.table.with_name(f"{given.table.stem}_report")
    make_folder(out, "--out")
    write_table_report(made, out)
    sys.stdout.write(f"{terminal(made.page)}\nreport: {out}\n")
    return 0
