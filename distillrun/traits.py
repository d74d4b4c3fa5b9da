"""What a rationale is like, read off its text: pure functions."""

import re
from collections import Counter

from distillrun.records import Example, Rationale

_ENDED = re.compile(r"[.!?][\"'”’)\]]*$")
_RUN_ON = re.compile(r"\n\s*\n\s*\S|\bQuestion(?: \d+)?:")


def words(text: str) -> int:
    """Return how many words a text has."""
    return len(text.split())


def has_ended(rationale: Rationale) -> bool:
    """Return whether a rationale came to its end."""
    return rationale.finish_reason != "length" and _ENDED.search(rationale.text.rstrip()) is not None


def names(text: str, phrase: str) -> bool:
    """Return whether a text holds a phrase as whole words, whatever their case."""
    return re.search(rf"(?<!\w){re.escape(phrase.strip())}(?!\w)", text, re.IGNORECASE) is not None


def names_another(rationale: Rationale, example: Example) -> bool:
    """Return whether a rationale names a choice that reads unlike the one that it argues for."""
    own = example.choices[rationale.supports].strip().casefold()
    return any(names(rationale.text, other) for other in example.choices if other.strip().casefold() != own)


def repeated_share(text: str) -> float:
    """Return the share of word trigrams that occurred before in the text; 0 where there are none."""
    parts = text.casefold().split()
    counts = Counter(zip(parts, parts[1:], parts[2:], strict=False))
    total = counts.total()
    return (total - len(counts)) / total if total else 0.0


def runs_on(rationale: Rationale) -> bool:
    """Return whether the teacher went on after its rationale: to another paragraph, or to an invented question."""
    return _RUN_ON.search(rationale.raw.strip()) is not None
