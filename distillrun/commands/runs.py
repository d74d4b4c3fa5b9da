"""`distillrun runs`: lists runs and sweeps."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from distillrun.errors import ConfigError

ORDERS = ("date", "score", "name", "status", "task", "student", "objective")


def runs(arguments: Sequence[str]) -> int:
    """List the runs and sweeps of a folder, and write index.html there, which leads to their pages."""
    given = runs_parser().parse_args(arguments)
    if not given.runs.is_dir():
        raise ConfigError(f"--runs {given.runs}: there is no such folder; give the one that paths.runs named")
    from distillrun.report.index.entry import entries_in
    from distillrun.report.index.page import chosen, summary, table, write_index
    from distillrun.report.page.terminal import table_text
    from distillrun.text.display import plain
    from distillrun.text.secret import hide

    entries = entries_in(given.runs)
    found = chosen(entries, given.texts, given.status, given.sort, given.reverse)
    if given.json:
        listed = json.dumps([entry.as_json() for entry in found], indent=1)
    elif found:
        listed = f"{plain(table_text(table(found)))}\n{summary(found)}"
    else:
        listed = "no run matches" if entries else f"no run is in {given.runs} yet"
    sys.stdout.write(hide(listed) + "\n")
    try:
        place = write_index(given.runs, entries)
    except (OSError, ConfigError) as error:  # the folder may be somebody else's
        sys.stderr.write(f"distillrun: the index could not be written ({error})\n")
    else:
        sys.stdout.write("" if given.json else f"index: {place}\n")
    return 0


def runs_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("distillrun runs", description=runs.__doc__)
    parser.add_argument(
        "texts", nargs="*", metavar="TEXT", help="only those with this text in their name, options or settings"
    )
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("runs"),
        metavar="DIR",
        help="the folder that paths.runs named (default: runs)",
    )
    parser.add_argument(
        "--status", metavar="STATUS", help="only those with this status, such as done, failed or 'not finished'"
    )
    parser.add_argument("--sort", choices=ORDERS, default="date", help="date and score put the greatest first")
    parser.add_argument("--reverse", action="store_true", help="reverse the order")
    parser.add_argument("--json", action="store_true", help="print a JSON list instead; shares lie between 0 and 1")
    return parser
