"""The separation of a model's thinking from its reply, the same for every teacher.

A journal keeps texts with their thinking, between the tags of the model's family, so that nothing is lost. Stop texts
act on what is said alone, and what is handed to a step is what was said.
"""

import re
from dataclasses import replace

from distillrun.records import Completion

OPENING, CLOSING = "<think>", "</think>"
"""The tags that are written where a server sends thinking apart from the text."""

STILL_THINKING = "still thinking when its tokens ran out"
ENDED_THINKING = "ended while it was thinking"
ONLY_THOUGHT = "nothing said after its thinking"

SAID_NOTHING = frozenset({STILL_THINKING, ENDED_THINKING, ONLY_THOUGHT})
"""Why nothing was said."""

_OPENINGS = (
    r"<(?:think|thinking|thought|seed:think)>|\[THINK\]|◁think▷|<\|START_THINKING\|>|<\|begin_of_thought\|>"
    r"|<\|channel\|>(?:analysis|commentary)[^<]*<\|message\|>"  # harmony, of gpt-oss
)
_CLOSINGS = (
    r"</(?:think|thinking|thought|seed:think)>|\[/THINK\]|◁/think▷|<\|END_THINKING\|>|<\|end_of_thought\|>"
    r"|<\|channel\|>final[^<]*<\|message\|>"
)
_TAG = re.compile(rf"({_OPENINGS})|({_CLOSINGS})", re.IGNORECASE)
_OPEN_END = re.compile(rf"({_OPENINGS})\s*\Z", re.IGNORECASE)

_MASK = "\0"


def has_tags(text: str) -> bool:
    """Return whether a text holds a tag of thinking."""
    return _TAG.search(text) is not None


def opens_thinking(prompt: str) -> bool:
    """Return whether a prompt ends in an opening tag, so that what follows it is thinking from the start."""
    return _OPEN_END.search(prompt) is not None


def masked(text: str) -> str:
    """Return a text of the same length in which thinking, and the blanks between it and what is said, are NUL.

    Text before a closing tag that nothing opened is thinking: the prompt has opened it. What is not closed goes on to
    the end.
    """
    if not has_tags(text):
        return text
    said = 0
    opened: int | None = None
    spans = []
    for tag in _TAG.finditer(text):
        if tag[1] and opened is None:
            opened = tag.start()
        elif tag[2]:
            spans.append((said if opened is None else opened, tag.end()))
            opened, said = None, tag.end()
    if opened is not None:
        spans.append((opened, len(text)))
    letters = list(text)
    for begin, end in spans:
        letters[begin:end] = _MASK * (end - begin)
    hidden = "".join(letters)
    begin = len(hidden) - len(hidden.lstrip(_MASK + " \t\r\n"))
    return _MASK * begin + hidden[begin:] if _MASK in hidden[:begin] else hidden


def is_open(text: str) -> bool:
    """Return whether a text ends in the middle of thinking."""
    tags = list(_TAG.finditer(text))
    return bool(tags) and tags[-1][1] is not None


def first_stop(text: str, stops: tuple[str, ...], end: int | None = None) -> tuple[int, int] | None:
    """Return where the first stop text begins in what is said, and where it ends; None where there is none."""
    said = masked(text)
    found = [(place, place + len(stop)) for stop in stops if (place := said.find(stop, 0, end)) >= 0]
    return min(found, default=None)


def said_in(text: str) -> str:
    """Return what is said in a text, without any thinking."""
    while has_tags(text):  # what stood around thinking may make another tag
        text = masked(text).replace(_MASK, "").strip()
    return text


def noted(made: Completion) -> Completion:
    """Return a completion, still with its thinking, with the reason if it holds nothing that is said."""
    if made.reason or not has_tags(made.text):
        return made
    if is_open(made.text):
        return replace(made, reason=STILL_THINKING if made.finish_reason == "length" else ENDED_THINKING)
    return made if said_in(made.text) else replace(made, reason=ONLY_THOUGHT)


def spoken(made: Completion) -> Completion:
    """Return a completion with what is said alone. How likely that was is not known apart from the thinking."""
    if not has_tags(made.text):
        return made
    made = noted(made)
    return replace(made, text="" if is_open(made.text) else said_in(made.text), log_prob=None)


def was_cut(made: Completion) -> bool:
    """Return whether a stop text may have ended a completion in the middle of its thinking, unnoticed."""
    return made.finish_reason == "stop" and not made.reason and is_open(made.text)
