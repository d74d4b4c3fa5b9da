"""The cleaning of a teacher's text for the student. The raw text is always kept too."""

import re

CLEANING = "first_line.1+chain.2"
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


LONGEST_CONCLUSION = 400
"""Characters. What is longer argues as well, and a degenerate text must not be searched from each of its places."""

_CHAIN_RUN_ON = re.compile(r"(?:^|(?<=\s))(?:#+ ?)?Question(?: \d+)?(?: \([^()\n]*\))?:.*", re.DOTALL | re.MULTILINE)
_CONCLUSION = re.compile(
    r"""
    (?: ^ | (?<=[.!?:;])\s | (?<=[.!?]["')*_])\s         # a sentence begins, or a last clause
      | ,?\s(?=(?:and\s)?(?:so|therefore|thus|hence)\b) )
    ["'(*_]{0,3} (?: (?:and|so|therefore|thus|hence|finally|in\sconclusion)\b,?\s ){0,3}
    (?: (?:final\s)?answer\s*[:=]
      | (?:the\s)? (?: (?:(?:final|correct|right|best)\s)*answer | (?:correct|right|best)\s(?:choice|option) )
        \s(?:is|must\sbe|would\sbe|should\sbe)\b )
    (?! .* (?:\b(?:because|since)\b | ,\sas\b) )         # an argument is not a bare conclusion
    (?> [^.!?] | \.(?: (?=\w) | (?<=\.\w\.) | (?<=\b(?:st|mr|ms|dr|mt)\.) | (?<=\bmrs\.) ) )*+
    [.!?]* ["')\]*_]* \s* \Z
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def without_run_on(chain: str) -> str:
    """Return a chain of thought up to where it goes on to invent a further "Question:"."""
    return _CHAIN_RUN_ON.sub("", chain).rstrip()


def clean_chain(raw: str) -> str:
    """Return a chain of thought in one line, without a speaker's label, a run-on, and its concluding answer.

    All lines up to a run-on into another question count. A last sentence or clause that does nothing but answer, such
    as "So the answer is X." or "Answer: X", is taken off, since objectives write the answer themselves; it begins with
    the cue and reaches to the end, and one that gives a reason ("because", "since", ", as") stays. Where nothing else
    is there, nothing is left. Cleaning twice changes nothing more.
    """
    lines = "\n".join(" ".join(line.split()) for line in raw.split("\n"))
    return _argument(" ".join(_argument(lines).split()))


def _argument(chain: str) -> str:
    """Return what a chain says before its conclusion; a sentence that ended in it gets its full stop."""
    text = chain.strip()
    while match := _SPEAKER.match(text):
        text = text[match.end() :].lstrip()
    text = without_run_on(text)
    while (match := _CONCLUSION.search(text, max(0, len(text) - LONGEST_CONCLUSION))) is not None:
        text = text[: match.start()].rstrip(" \n,;")
        text += "." if text[-1:].isalnum() else ""
    return text
