"""Word overlap between two texts."""

from collections.abc import Iterable, Sequence

from distillrun.records import reading
from distillrun.text.rouge import words

Gram = tuple[str, ...]


def grams(tokens: Sequence[str], length: int) -> list[Gram]:
    """Return the runs of so many words, in order; a shorter text is one run itself."""
    if len(tokens) <= length:
        return [tuple(tokens)] if tokens else []
    return [tuple(tokens[start : start + length]) for start in range(len(tokens) - length + 1)]


def repeated_share(tokens: Sequence[str], length: int) -> float:
    """Return the share of a text's runs that stood in it before; 0 for an empty text."""
    found = grams(tokens, length)
    return 1 - len(set(found)) / len(found) if found else 0.0


def known_share(tokens: Sequence[str], known: Iterable[Gram], length: int) -> float:
    """Return the share of a text's runs that are among the known ones; 0 for an empty text."""
    found, known = grams(tokens, length), set(known)
    return sum(gram in known for gram in found) / len(found) if found else 0.0


def named(text: str, choices: Iterable[str]) -> set[str]:
    """Return which choices a text names, by how they read: their words stand in it one after another.

    Where one stands inside a longer one, only the longer one is named: bank teller is not bank.
    """
    own = words(text)
    spans = [
        (start, start + len(wanted), choice)
        for choice in set(map(reading, choices))
        if (wanted := words(choice))
        for start in range(len(own) - len(wanted) + 1)
        if own[start : start + len(wanted)] == wanted
    ]
    return {
        choice
        for start, end, choice in spans
        if not any(low <= start and end <= high and high - low > end - start for low, high, _ in spans)
    }
