"""From what a teacher wrote to what a student learns. The raw text is always kept beside it."""

import re

CLEANING = "first_line.1"
"""Name and version of what `clean` does, for fingerprints. Bump it when the meaning of its output changes."""

_SPEAKER = re.compile(r"(?:assistant|answer|rationale|explanation|revision|revised answer)(?: \([^()\n]*\))?:", re.I)
_RUN_ON = re.compile(r"(?:^|(?<= ))(?:#+ ?)?Question(?: \d+)?(?: \([^()\n]*\))?:.*")


def clean(raw: str) -> str:
    """Return the first line of a rationale, without a speaker's label and without a run-on into another question.

    Teachers that do not stop go on to invent a further "Question:"; where the text begins with one, nothing is left.
    An opening "The answer is X." stays: it is part of what the teacher said, and mostly of a longer sentence.
    Cleaning twice changes nothing more.
    """
    for line in raw.split("\n"):
        text = " ".join(line.split())
        while match := _SPEAKER.match(text):
            text = text[match.end() :].lstrip()
        if text:
            return _RUN_ON.sub("", text).rstrip()
    return ""
