"""Text and numbers as a page shows them: nothing that acts on a terminal, nothing longer than it need be."""

import math
import re
import unicodedata

from distillrun.records import Json

NOTHING = "–"
LONGEST = 2000

# CSI, then OSC, then DCS and its like, then two-character escapes
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c\n]*(?:\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# overrides of the writing direction can make a text read as another one
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str) -> str:
    """Return a text without terminal escapes, control characters, direction overrides and lone surrogates."""
    text = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n"))
    return "".join(
        character
        for character in text
        if character in "\n\t" or (unicodedata.category(character) not in ("Cc", "Cs") and character not in _DIRECTIONS)
    )


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return a text of at most `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else NOTHING


def number(value: Json) -> str:
    """Return any JSON value as a cell: counts with separators, other numbers with four digits."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if math.isfinite(value) else NOTHING
    if isinstance(value, str):
        return shortened(value)
    if isinstance(value, list):
        return ", ".join(number(item) for item in value) or NOTHING
    return ", ".join(f"{key}: {number(item)}" for key, item in value.items()) or NOTHING


def duration(seconds: Json) -> str:
    """Return a wall time in its two largest units."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(count: Json) -> str:
    """Return a number of bytes in a unit that keeps it short."""
    if isinstance(count, bool) or not isinstance(count, int | float):
        return NOTHING
    value = float(count)
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
