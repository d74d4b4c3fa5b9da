"""From what a teacher wrote to what a student learns. The raw text is always kept beside it."""

import re

CLEANING = "first_line.1+chain.1"
"""Names and versions of what this module does, for fingerprints. Bump one when the meaning of its output changes."""

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


_CONCLUSION = re.compile(
    r"(?:^|(?<=[.!?])\s|,?\s(?=so|therefore|thus|hence))\s*(?:so|therefore|thus|hence)?,?\s*"
    r"the (?:correct |right |best )?answer (?:is|must be|would be)\b[^.!?]*[.!?]*\s*$",
    re.IGNORECASE,
)


def clean_chain(raw: str) -> str:
    """Return a chain of thought in one line, without a speaker's label, a run-on, and its concluding answer.

    All lines up to a run-on into another question count. A last clause such as "So the answer is X." is taken off,
    since objectives write the answer themselves; where nothing else is there, nothing is left. Cleaning twice changes
    nothing more.
    """
    text = _RUN_ON.sub("", " ".join(raw.split())).rstrip()
    while match := _SPEAKER.match(text):
        text = text[match.end() :].lstrip()
    while (match := _CONCLUSION.search(text)) is not None:
        text = text[: match.start()].rstrip()
    return text
