"""Parts that work on choices alone, and cannot be used where answers are texts in free form."""

CHOICES_ONLY = "CHOICES_ONLY"
"""The name of the class variable in which such a part says why, and what to use instead."""


def choices_only(kind: type) -> str | None:
    """Return why a part needs questions with choices; None where it does not."""
    told = getattr(kind, CHOICES_ONLY, None)
    return told if isinstance(told, str) else None
