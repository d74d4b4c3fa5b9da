"""The detection of texts that decline to answer, or argue against the answer that they were asked to argue for."""

import re

from distillrun.text.cleaning import clean

_QUOTES = str.maketrans({"’": "'", "‘": "'"})
_REFUSAL = re.compile(
    r"^\W*(?:(?:i'm|i am) (?:very |so )?sorry\b|sorry,|i apologi[sz]e\b|unfortunately, i (?:can|am)"
    r"|as an (?:ai|artificial intelligence|language model)\b"
    r"|i(?:'m| am) (?:not able|unable|not going|not comfortable)\b"
    r"|i (?:can(?:no|')t|cannot|can not|won't|will not|must decline|decline)\b)",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:(?:is|are|was|would be) (?:not |n't )?(?:the )?(?:in)?correct answer is actually"
    r"|(?:is|are) (?:incorrect|wrong|not (?:the )?(?:correct|right|best|most \w+) (?:answer|choice|option))"
    r"|(?:actually|however|although|but),? (?:the )?(?:correct|right|best|better|real) (?:answer|choice|option)"
    r"|not a (?:good|valid|logical|likely|typical|suitable|sensible) (?:answer|choice|option|place|reason)"
    r"|does(?: not|n't) make sense|is not (?:a )?(?:typical|likely|usual)(?:ly)?\b"
    r"|there (?:seems|appears) to be (?:a|an|some) (?:mistake|error|confusion))",
    re.IGNORECASE,
)


def refusal(text: str) -> str | None:
    """Return "empty" or "refused" for a text that gives no answer at all, None for any other."""
    if not text.strip():
        return "empty"
    return "refused" if _REFUSAL.search(text.translate(_QUOTES)) else None


def unusable(index: int, text: str) -> str | None:
    """Return why a completion cannot be learnt from, judged by what cleaning leaves of it; a `Refuse`."""
    return refusal(clean(text))


def hedges(text: str) -> bool:
    """Return whether a text denies the answer that it was asked to argue for, by its own words."""
    return _HEDGE.search(text.translate(_QUOTES)) is not None
