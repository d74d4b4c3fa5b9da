"""The parser of answers: ordered rules find the choice that a text gives. The text is compared, never evaluated.

Source: the order letter, text after the cue, mention in the last sentence is that of methods in the field; the longest
choice wins, so that "bank teller" is never read as "bank", and a letter or a cue inside a choice's own text is that
text: "vitamin (c)" is not a letter. Letters are those of the English alphabet, as questions are written with.
"""

import re
from collections.abc import Sequence

from distillrun.records import reading
from distillrun.task.shared.choice_naming import Forms, equal, equal_folded, named, named_by, words_of
from distillrun.task.shared.dense_answer import DENSE, dense_choice

_CUE = re.compile(
    r"\[answer\]\s*:?"
    r"|\b(?:answer|choice|option)(?:\s+(?:to|for)\s+(?:this|the)\s+question)?"
    r"\s*(?:\b(?:is|was|would\s+be|should\s+be|must\s+be|will\s+be)\b\s*:?|[:=])",
    re.IGNORECASE,
)
_LETTER_FIRST = re.compile(
    r"[\s\"'“‘*_]*(?:\(([A-Za-z])\)|\[([A-Za-z])\]|([A-Za-z])(?:\)|(?=[\s\"'”’*_]*(?:[.,:;!?]|$))))"
)
_LETTER_LATER = re.compile(r"\(([A-Za-z])\)")
_SENTENCE_END = re.compile(r"[.!?]+(?=\s|[\"'”’)*]|$)|\n|$")
_SENTENCE_GAP = re.compile(r"(?<=[.!?])\s+|\n+")
_FILLERS = frozenset(("definitely", "likely", "most", "probably", "that", "to", "be", "it", "is", "it's", "its"))
_JOINING = frozenset(("and", "or"))
_NEGATIONS = frozenset(("not", "isn't", "never", "neither", "nor", "than", "unlike", "without"))


def parsed_choice(text: str, forms: Forms) -> int | None:
    """Return the lowest index of the choice that a text answers with, or None.

    A text that is one of the names decides. Else what follows the last answer cue ("the answer is", "Answer:",
    "[answer]") does; where it names no choice, the cue before it does. Without a cue the whole text counts if it is a
    choice or its letter, and at last the only choice that the final sentence mentions. Where these say nothing of a
    text in Chinese, Japanese or Korean, the rules of `dense_choice` do.

    Args:
        text: what a model wrote.
        forms: for each choice, the texts that name it: the choice itself, and how it is written as an answer.
    """
    found = named_by(reading(text), forms, reading)
    if found is not None:
        return found
    own = _own_places(text, forms)
    for cue in reversed([match for match in _CUE.finditer(text) if not _within(match.span(), own)]):
        found = _after_cue(text[cue.end() :], forms)
        if found is not None:
            return found
    found = equal(text, forms)
    if found is None:
        found = _first_letter(text, forms)
    if found is None:
        found = _mentioned(_last_sentence(text), forms)
    return (
        dense_choice(text, forms)
        if found is None and DENSE.search(text + "".join(name for names in forms for name in names))
        else found
    )


def _after_cue(rest: str, forms: Forms) -> int | None:
    """Apply the rules for what follows a cue: a whole choice, a letter, a choice up to a full stop, a choice first."""
    found = equal_folded(rest, forms)
    if found is None:
        found = _first_letter(rest, forms)
    if found is None:
        sentence = _first_sentence(rest)
        own = _own_places(sentence, forms)
        later = (match for match in _LETTER_LATER.finditer(sentence) if not _within(match.span(), own))
        found = _letter(next(later, None), len(forms))
    if found is None:
        found = _up_to_a_stop(rest, forms)
    return found if found is not None else _leading(_first_sentence(rest), forms)


def _first_letter(text: str, forms: Forms) -> int | None:
    """Return the choice whose letter a text begins with; where that letter is a choice's own text, that choice."""
    match = _LETTER_FIRST.match(text)
    if match is not None and _within(match.span(match.lastindex or 0), _own_places(text, forms)):
        return _up_to_a_stop(text, forms)
    return _letter(match, len(forms))


def _letter(match: re.Match[str] | None, count: int) -> int | None:
    if match is None:
        return None
    index = ord(match[match.lastindex or 0].lower()) - ord("a")
    return index if index < count else None


def _own_places(text: str, forms: Forms) -> list[tuple[int, int]]:
    """Return where choices that hold a letter or a cue stand in a text; a bracket around one makes a letter of it."""
    places = []
    for name in (names[0] for names in forms):
        if _LETTER_FIRST.match(name) or _LETTER_LATER.search(name) or _CUE.search(name):
            words = r"\s+".join(map(re.escape, name.split()))
            found = re.finditer(rf"(?<![\w(\[]){words}(?!\w)", text, re.IGNORECASE)
            places += [match.span() for match in found if match[0]]
    return places


def _within(span: tuple[int, int], places: Sequence[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in places)


def _up_to_a_stop(text: str, forms: Forms) -> int | None:
    """Return the choice that a text is up to the end of its first sentence, or of a later one."""
    ends = (equal(text[: end.start()], forms) for end in _SENTENCE_END.finditer(text.rstrip()))
    return next((found for found in ends if found is not None), None)


def _leading(text: str, forms: Forms) -> int | None:
    """Return the longest choice that a sentence starts with, unless "and" or "or" goes on to another."""
    spoken = words_of(text)
    while spoken and spoken[0] in _FILLERS and not any(words[0] == spoken[0] for _, words in named(forms)):
        spoken = spoken[1:]
    leading = [(index, words) for index, words in named(forms) if spoken[: len(words)] == words]
    if not leading:
        return None
    index, words = max(leading, key=lambda found: (len(found[1]), -found[0]))
    following = spoken[len(words) : len(words) + 1]
    return None if _JOINING.intersection(following) else index


def _mentioned(sentence: str, forms: Forms) -> int | None:
    """Return the one choice that a sentence mentions without denying it; choices inside longer ones do not count."""
    spoken = words_of(sentence)
    spans = [
        (start, start + len(words), index)
        for index, words in named(forms)
        for start in range(len(spoken) - len(words) + 1)
        if spoken[start : start + len(words)] == words
    ]
    whole = [s for s in spans if not any(o[0] <= s[0] and s[1] <= o[1] and o[1] - o[0] > s[1] - s[0] for o in spans)]
    found = {index for start, _, index in whole if not _NEGATIONS.intersection(spoken[max(0, start - 1) : start])}
    texts = {words_of(forms[index][0]) for index in found}
    return min(found) if len(texts) == 1 else None


def _first_sentence(text: str) -> str:
    kept = text.lstrip()
    end = _SENTENCE_END.search(kept)
    return kept[: end.start()] if end else kept


def _last_sentence(text: str) -> str:
    return next((part for part in reversed(_SENTENCE_GAP.split(text.strip())) if part.strip()), "")
