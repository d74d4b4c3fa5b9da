"""The exceptions that mean "the user can fix this"; the command line prints them without a traceback."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

SHOWN = 10
"""Faults of rows that a message shows."""
MOST = 1000
"""Faults after which no further row is looked at."""


class ConfigError(ValueError):
    """A setting, a file or a combination of choices is wrong; the message names it, shows it and gives the cure."""


class UnsafeError(ConfigError):
    """A setting could run code, or holds a key: nothing goes on, not even the other jobs of a sweep."""


class BudgetSpentError(Exception):
    """A teacher's budget forbids the next request. What was answered is kept: with a larger one, it goes on."""


def refusals(attempt: Callable[[], object]) -> list[str]:
    """Return why something cannot be done, as one message; empty if it can."""
    try:
        attempt()
    except ConfigError as error:
        return [str(error)]
    return []


def each(rows: Iterable[T], read: Callable[[T], R]) -> list[R]:
    """Return what rows are read as.

    Raises:
        ConfigError: with the first faults, and how many rows have one; a fault of all rows is told once.
    """
    found: list[R] = []
    faults: list[str] = []
    for row in rows:
        try:
            found.append(read(row))
        except ConfigError as error:
            if str(error) in faults[-1:]:
                raise
            faults.append(str(error))
            if len(faults) == MOST:
                break
    if faults:
        raise ConfigError(listed(faults))
    return found


def listed(faults: Sequence[str], count: int = 0) -> str:
    """Return the faults of rows as one message: the only one as it is, or the first ones with how many there are."""
    count = max(count, len(faults))
    if count == 1:
        return faults[0]
    number = f"{count:,}" if count != MOST else f"{MOST:,} or more"
    first = f"the first {SHOWN}" if count > SHOWN else "they are"
    return "\n  ".join([f"{number} rows cannot be read; {first}:", *faults[:SHOWN]])


def install(extra: str) -> str:
    """Return how an extra is installed. No index has distillrun, so its name alone would not be found."""
    return f'in a checkout of distillrun: pip install ".[{extra}]"'


def nearest(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the closest of the known words, or an empty string."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""
