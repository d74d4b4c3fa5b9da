"""The exceptions that mean "the user can fix this"; the command line prints them without a traceback."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches


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


def install(extra: str) -> str:
    """Return how an extra is installed. No index has distillrun, so its name alone would not be found."""
    return f'in a checkout of distillrun: pip install ".[{extra}]"'


def nearest(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the closest of the known words, or an empty string."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""
