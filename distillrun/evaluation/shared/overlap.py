"""Word overlap between two texts."""

import re
from collections.abc import Iterable, Sequence

from distillrun.records import reading

Gram = tuple[str, ...]


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"\w+", text.casefold())


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


def rouge_l(text: str, reference: str) -> float:
    """Return ROUGE-L: the F1 of the longest common subsequence of words; 0 where either text is empty.

    Source: Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries, section 3, with beta = 1.
    """
    own, other = words(text), words(reference)
    if not own or not other:
        return 0.0
    row = [0] * (len(other) + 1)
    for word in own:
        diagonal = 0
        for place, found in enumerate(other, start=1):
            above = row[place]
            row[place] = diagonal + 1 if word == found else max(above, row[place - 1])
            diagonal = above
    return 2 * row[-1] / (len(own) + len(other))


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
