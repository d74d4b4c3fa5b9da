"""The page of an index, and the choice and the order of its entries."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from distillrun.errors import ConfigError, nearest
from distillrun.report.index.entry import Entry
from distillrun.report.page.block import Link, Page, Section, State, Table
from distillrun.report.page.files import write_page
from distillrun.text.display import NOTHING, number, percent

NAME = "index"
COLUMNS = ("folder", "started", "status", "task", "student", "objective", "score", "settings")
MOST_SETTINGS = 200
"""Characters of settings in a table."""

ORDERS: Mapping[str, tuple[Callable[[Entry], Any], bool]] = {
    "date": (lambda entry: entry.started, True),
    "score": (lambda entry: max(entry.values, default=float("-inf")), True),
    "name": (lambda entry: entry.folder.name, False),
    "status": (lambda entry: entry.status, False),
    "task": (lambda entry: entry.task, False),
    "student": (lambda entry: entry.student, False),
    "objective": (lambda entry: entry.objective, False),
}
"""By what entries are put in order, and whether the greatest comes first."""


def chosen(
    entries: Sequence[Entry],
    texts: Sequence[str] = (),
    status: str | None = None,
    sort: str = "date",
    last: bool = False,
) -> list[Entry]:
    """Return the entries that are asked for, in their order.

    Args:
        entries: the newest first, which stays the order of equals.
        texts: each is looked for in the name, the options and the settings; capitals do not count.
        status: exactly that one, or any.
        sort: one of `ORDERS`.
        last: turn the order around.

    Raises:
        ConfigError: no entry has that status.
    """
    known = sorted({entry.status for entry in entries})
    if status is not None and entries and status not in known:
        raise ConfigError(
            f"--status {status}: no run here has that status{nearest(status, known)}; they have {', '.join(known)}"
        )
    found = [entry for entry in entries if status in (None, entry.status) and all(_has(entry, text) for text in texts)]
    key, greatest_first = ORDERS[sort]
    return sorted(found, key=key, reverse=greatest_first != last)


def table(entries: Sequence[Entry]) -> Table:
    """Return a row for each entry, which links to its page."""
    rows = [_row(entry) for entry in entries]
    links = {
        (place, 0): [Link(rows[place][0], f"{entry.folder.name}/{entry.page}")]
        for place, entry in enumerate(entries)
        if entry.page
    }
    return Table(COLUMNS, rows, frozenset({6}), links=links)


def index_page(runs: Path, entries: Sequence[Entry]) -> Page:
    """Return the page of a folder of runs."""
    parts = {"Sweeps": "sweep", "Runs": "run"}
    kinds = {title: [entry for entry in entries if entry.kind == kind] for title, kind in parts.items()}
    failed = sum(entry.status == "failed" for entry in entries)
    state: State = "bad" if failed else "good" if all(entry.status == "done" for entry in entries) else "plain"
    return Page(
        title=f"Runs in {runs.resolve().name}",
        status=f"{failed} failed" if failed else "none failed",
        state=state,
        summary=f"{summary(entries)}, newest first. Names link to their pages.",
        sections=[Section(title, [table(found)]) for title, found in kinds.items() if found],
        wide=True,
    )


def write_index(runs: Path, entries: Sequence[Entry]) -> Path:
    """Write index.html and index.md into a folder of runs, and return the first. Raises OSError or ConfigError."""
    write_page(runs, index_page(runs, entries), NAME)
    return runs / f"{NAME}.html"


def summary(entries: Sequence[Entry]) -> str:
    """Return how many runs and sweeps there are."""
    runs, sweeps = (sum(entry.kind == kind for entry in entries) for kind in ("run", "sweep"))
    return f"{number(runs)} run{'' if runs == 1 else 's'} and {number(sweeps)} sweep{'' if sweeps == 1 else 's'}"


def _has(entry: Entry, text: str) -> bool:
    told = (entry.folder.name, entry.task, entry.student, entry.objective, entry.settings)
    return any(text.casefold() in one.casefold() for one in told)


def _row(entry: Entry) -> tuple[str, ...]:
    status = entry.status if entry.kind == "run" else f"{entry.status}, {entry.done} of {entry.jobs}"
    settings = entry.settings if len(entry.settings) <= MOST_SETTINGS else f"{entry.settings[:MOST_SETTINGS]}…"
    options = (option or NOTHING for option in (entry.task, entry.student, entry.objective))
    return (entry.folder.name, entry.started, status, *options, _score(entry), settings)


def _score(entry: Entry) -> str:
    if not entry.values:
        return NOTHING
    shown = percent if entry.is_share else number
    low, high = shown(min(entry.values)), shown(max(entry.values))
    told = low if low == high else f"{low} to {high}"
    return told if entry.metric == "test/accuracy" else f"{entry.metric.removeprefix('test/')} {told}"
