"""Defects of a draft, found in its text: drafts may be anybody's."""

import re
from collections.abc import Iterator, Sequence

from distillrun.everyday.base import KIND_RELATION, Base, Fact
from distillrun.everyday.rationale import Arguer

_SENTENCE_GAP = re.compile(r"(?<=[.!?])\s+")
_NEGATION = re.compile(r"\b(?:not|no|none|nor|never|neither|cannot|wrong|false|unlike)\b|n't\b", re.IGNORECASE)
_VAGUE = re.compile(r"\b(?:somehow|something|in some way|kind of like|has to do with)\b", re.IGNORECASE)


class Critic:
    """The reviewer of drafts that argue for a value of a fact."""

    def __init__(self, base: Base, arguer: Arguer) -> None:
        self._base = base
        self._arguer = arguer

    def critique(self, fact: Fact, value: str, others: Sequence[str], draft: str) -> str:
        """Return what is wrong with a draft that argues for `value` against the other choices."""
        flaws = self.flaws(fact, value, others, draft)
        silent = unnamed(others, draft)
        if silent:
            flaws.append(f"says nothing of {', '.join(silent)}")
        return " ".join(f"The draft {flaw}." for flaw in flaws) if flaws else "The draft is sound."

    def flaws(self, fact: Fact, value: str, others: Sequence[str], draft: str) -> list[str]:
        """Return the flaws in what a draft says, each worded to follow "The draft"."""
        return list(self._find(fact, value, others, draft))

    def _find(self, fact: Fact, value: str, others: Sequence[str], draft: str) -> Iterator[str]:
        kind = self._base.kind_of[fact.thing]
        if not names(draft, value):
            yield f"never names the answer, {value}"
        elif not names(draft, fact.thing) and (kind == value or not names(draft, kind)):
            yield f"is circular: it calls {value} right and gives no reason"
        elif vague := _VAGUE.search(draft):
            yield f"is too vague: {vague.group().lower()!r} explains nothing"
        if not self._base.holds(fact.thing, fact.relation, value):
            yield f"argues for a false claim: it is not true that {self._arguer.claim(fact, value)}"
        sentences = _SENTENCE_GAP.split(draft.strip())
        for other in others:
            if any(names(text, other) and not _NEGATION.search(text) for text in sentences):
                yield f"makes a wrong remark: it is not true that {self._arguer.claim(fact, other)}"
        if fact.relation != KIND_RELATION and not names(draft, kind):
            yield f"leaves out a step: {self._arguer.membership(fact.thing)}"
        if len({text.casefold() for text in sentences}) < len(sentences):
            yield "says the same thing twice"


def unnamed(others: Sequence[str], text: str) -> list[str]:
    """Return the choices that a text does not name."""
    return [other for other in others if not names(text, other)]


def names(text: str, phrase: str) -> bool:
    """Return whether a text holds a phrase as whole words, whatever their case."""
    return re.search(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE) is not None
