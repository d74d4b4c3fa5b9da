"""The part of a text that was finished before it was cut off."""

import re

_END = re.compile(r"[.!?](?=[\s\"')\]*]|\Z)|[。！？]|\n")


def finished_part(text: str) -> str:
    """Return a text that was cut off as far as its sentences or lines are whole: what follows might mean anything."""
    ends = [match.end() for match in _END.finditer(text)]
    return text[: ends[-1]] if ends else ""
