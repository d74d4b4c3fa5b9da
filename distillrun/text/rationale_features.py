"""Features of a rationale's text: pure functions."""

import re
from collections import Counter
from itertools import pairwise

from distillrun.records import Example, Rationale, reads_alike

_QUESTION = re.compile(r"\bQuestion(?: \d+)?:")
_CLOSING = "\"'”’)]"
_NEGATION = re.compile(r"\b(?:not|cannot|never|no)\b|n['’]t\b", re.IGNORECASE)


def words(text: str) -> int:
    """Return how many words a text has."""
    return len(text.split())


def has_ended(rationale: Rationale) -> bool:
    """Return whether a rationale is complete."""
    return rationale.finish_reason != "length" and rationale.text.rstrip().rstrip(_CLOSING).endswith((".", "!", "?"))


def names(text: str, phrase: str) -> bool:
    """Return whether a text holds a phrase as whole words, whatever their case."""
    return _holds(text.casefold(), phrase.strip().casefold())


def names_another(rationale: Rationale, example: Example) -> bool:
    """Return whether a rationale names a choice that reads unlike the one that it argues for."""
    text = rationale.text.casefold()
    return any(
        _holds(text, other.strip().casefold())
        for place, other in enumerate(example.choices)
        if not reads_alike(example, place, rationale.supports)
    )


def negates(text: str) -> bool:
    """Return whether a text holds a negation, be it of the answer that it argues for or of another one."""
    return _NEGATION.search(text) is not None


def repeated_share(text: str) -> float:
    """Return the share of word trigrams that occurred before in the text; 0 where there are none."""
    parts = text.casefold().split()
    counts = Counter(zip(parts, parts[1:], parts[2:], strict=False))
    total = counts.total()
    return (total - len(counts)) / total if total else 0.0


def runs_on(rationale: Rationale) -> bool:
    """Return whether the teacher went on after its rationale: to an invented question, or to a paragraph left out."""
    if _QUESTION.search(rationale.raw):
        return True
    if "\n" not in rationale.raw:
        return False
    kept = " ".join(rationale.text.split())
    lines = [" ".join(line.split()) for line in rationale.raw.strip().split("\n")]
    later = [line for before, line in pairwise(lines) if line and not before]
    return any(paragraph not in kept for paragraph in later)


def _holds(text: str, phrase: str) -> bool:
    """Return whether a text holds a phrase that no letter, digit or underscore adjoins; both are casefolded."""
    start = text.find(phrase) if phrase else -1
    while start >= 0:
        end = start + len(phrase)
        if not (_is_of_word(text[start - 1 : start]) or _is_of_word(text[end : end + 1])):
            return True
        start = text.find(phrase, start + 1)
    return False


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"
