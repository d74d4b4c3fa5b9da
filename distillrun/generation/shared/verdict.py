"""A verdict, read out of a teacher's judgement by ordered rules."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from distillrun.records import Completion
from distillrun.text.finished import finished_part

Verdict = Literal["right", "wrong", "uncertain"]

_WORDS: dict[str, Verdict] = {
    "right": "right",
    "correct": "right",
    "wrong": "wrong",
    "incorrect": "wrong",
    "not right": "wrong",
    "not correct": "wrong",
    "uncertain": "uncertain",
    "unsure": "uncertain",
    "not sure": "uncertain",
    "not certain": "uncertain",
}
_WORD = "|".join(sorted((word.replace(" ", r"\s+") for word in _WORDS), key=len, reverse=True))
_FIRM = r"(?:(?:definitely|clearly|certainly|entirely|completely|absolutely|quite)\s+)?"
_OTHERS = rf"(?![\s,/|]*(?:\bor\b\s*)?(?:{_WORD})\b)"  # "right, wrong or uncertain" repeats what was asked
_STATED = re.compile(r"\bverdict\b[\s*_\"'`]*(?:[:=]|\bis\b)", re.IGNORECASE)
_AFTER = re.compile(rf"[\s*_\"'`]*{_FIRM}({_WORD})\b{_OTHERS}", re.IGNORECASE)
_WHOLE = re.compile(rf"\W*({_WORD})\W*", re.IGNORECASE)
_PREDICATE = re.compile(
    rf"(?:\b(?:is|are|am|was|seems|looks|sounds)|'s)\s+{_FIRM}({_WORD})\b(?!\s+(?:answer|choice|option|one|reason))",
    re.IGNORECASE,
)


def verdict_of(text: str) -> Verdict | None:
    """Return the verdict of a judgement, None where it gives none.

    The first of these rules that applies decides: what follows the last "verdict:" or "verdict is", if that is a
    verdict; a text, or a last line, that is nothing but a verdict; the one verdict that the text gives of something in
    sentences such as "this is not correct". "The right answer is" gives none, nor do two that differ.
    """
    text = re.sub(r"(\w)n['’]t\b", r"\1 not", text)
    if stated := list(_STATED.finditer(text)):
        return _meaning(_AFTER.match(text, stated[-1].end()))
    lines = text.strip().splitlines()
    if lines and (whole := _WHOLE.fullmatch(lines[-1])):
        return _meaning(whole)
    found = {_meaning(match) for match in _PREDICATE.finditer(text)}
    return found.pop() if len(found) == 1 else None


def majority(completions: Sequence[Completion]) -> Verdict | None:
    """Return the verdict that most judgements give; a tie is uncertain; None where none gives any.

    A judgement that was cut off counts as far as its sentences are whole.
    """
    said = [
        finished_part(one.text) if one.finish_reason == "length" else one.text for one in completions if not one.reason
    ]
    votes = Counter(verdict for text in said if (verdict := verdict_of(text)))
    if not votes:
        return None
    (first, most), *others = votes.most_common()
    return "uncertain" if others and others[0][1] == most else first


def no_verdict(index: int, text: str) -> str | None:
    """Return why a judgement cannot be used; a `Refuse`."""
    return None if verdict_of(text) else "no verdict"


def _meaning(match: re.Match[str] | None) -> Verdict | None:
    return None if match is None else _WORDS.get(" ".join(match[1].casefold().split()))
