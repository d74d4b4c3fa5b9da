"""Reads which choice a text answers with, by ordered rules. The text is compared, never evaluated.

Source: the order letter, text after the cue, mention in the last sentence is that of methods in the field; the longest
choice wins, so that "bank teller" is never read as "bank".
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

Words = tuple[str, ...]

_CUE = re.compile(
    r"\[answer\]\s*:?"
    r"|\b(?:answer|choice|option)(?:\s+(?:to|for)\s+(?:this|the)\s+question)?"
    r"\s*(?:\b(?:is|was|would\s+be|should\s+be|must\s+be|will\s+be)\b\s*:?|[:=])",
    re.IGNORECASE,
)
_LETTER_FIRST = re.compile(
    r"[\s\"'“‘*_]*(?:\(([a-z])\)|\[([a-z])\]|([a-z])(?:\)|(?=[\s\"'”’*_]*(?:[.,:;!?]|$))))", re.I
)
_LETTER_LATER = re.compile(r"\(([a-z])\)", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?]+(?=\s|[\"'”’)*]|$)|\n|$")
_SENTENCE_GAP = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:[.'][^\W_]+)*|[^\W_]+")
_ARTICLES = frozenset(("a", "an", "the"))
_FILLERS = frozenset(("definitely", "likely", "most", "probably", "that", "to", "be", "it", "is", "it's", "its"))
_JOINING = frozenset(("and", "or"))
_NEGATIONS = frozenset(("not", "isn't", "never", "neither", "nor", "than", "unlike", "without"))
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


def folded(text: str) -> str:
    """Return a text for comparison: case, spacing, outer quotes and closing punctuation do not count."""
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
    return " ".join(plain.split()).strip("\"' *`").rstrip(".!?,;: \"'")


def parsed_choice(text: str, forms: Sequence[Sequence[str]]) -> int | None:
    """Return the lowest index of the choice that a text answers with, or None.

    What follows the last answer cue ("the answer is", "Answer:", "[answer]") decides; where it names no choice, the cue
    before it does. Without a cue the whole text counts if it is a choice or its letter, and at last the only choice
    that the final sentence mentions.

    Args:
        text: what a model wrote.
        forms: for each choice, the texts that name it, such as the choice itself and how it is written as an answer.
    """
    cues = [match.end() for match in _CUE.finditer(text)]
    for start in reversed(cues):
        found = _after_cue(text[start:], forms)
        if found is not None:
            return found
    found = _equal(text, forms)
    if found is None:
        found = _letter(_LETTER_FIRST.match(text), len(forms))
    return found if found is not None else _mentioned(_last_sentence(text), forms)


def _after_cue(rest: str, forms: Sequence[Sequence[str]]) -> int | None:
    """Apply the rules for what follows a cue: a whole choice, a letter, a choice up to a full stop, a choice first."""
    found = _equal_folded(rest, forms)
    if found is None:
        found = _letter(_LETTER_FIRST.match(rest), len(forms))
    if found is None:
        found = _letter(_LETTER_LATER.search(_first_sentence(rest)), len(forms))
    if found is not None:
        return found
    for end in _SENTENCE_END.finditer(rest.rstrip()):
        found = _equal(rest[: end.start()], forms)
        if found is not None:
            return found
    return _leading(_first_sentence(rest), forms)


def _letter(match: re.Match[str] | None, count: int) -> int | None:
    if match is None:
        return None
    index = ord(next(group for group in match.groups() if group).casefold()) - ord("a")
    return index if index < count else None


def _equal_folded(text: str, forms: Sequence[Sequence[str]]) -> int | None:
    key = folded(text)
    return next((index for index, names in enumerate(forms) if key and key in map(folded, names)), None)


def _equal(text: str, forms: Sequence[Sequence[str]]) -> int | None:
    """Compare as written, then without punctuation and articles."""
    found = _equal_folded(text, forms)
    if found is not None:
        return found
    key = _words(text)
    return next((index for index, words in _named(forms) if words == key), None)


def _leading(text: str, forms: Sequence[Sequence[str]]) -> int | None:
    """Return the longest choice that a sentence starts with, unless "and" or "or" goes on to another."""
    spoken = _words(text)
    while spoken and spoken[0] in _FILLERS and not any(words[0] == spoken[0] for _, words in _named(forms)):
        spoken = spoken[1:]
    leading = [(index, words) for index, words in _named(forms) if spoken[: len(words)] == words]
    if not leading:
        return None
    index, words = max(leading, key=lambda found: (len(found[1]), -found[0]))
    following = spoken[len(words) : len(words) + 1]
    return None if _JOINING.intersection(following) else index


def _mentioned(sentence: str, forms: Sequence[Sequence[str]]) -> int | None:
    """Return the one choice that a sentence mentions without denying it; choices inside longer ones do not count."""
    spoken = _words(sentence)
    spans = [
        (start, start + len(words), index)
        for index, words in _named(forms)
        for start in range(len(spoken) - len(words) + 1)
        if spoken[start : start + len(words)] == words
    ]
    whole = [s for s in spans if not any(o[0] <= s[0] and s[1] <= o[1] and o[1] - o[0] > s[1] - s[0] for o in spans)]
    found = {index for start, _, index in whole if not _NEGATIONS.intersection(spoken[max(0, start - 1) : start])}
    texts = {_words(forms[index][0]) for index in found}
    return min(found) if len(texts) == 1 else None


def _named(forms: Sequence[Sequence[str]]) -> Iterator[tuple[int, Words]]:
    """Yield (choice, words of one of its names), leaving out words that would name two unlike choices or nothing."""
    names = [(index, folded(names[0]), _words(name)) for index, names in enumerate(forms) for name in names]
    for index, text, words in names:
        if words and all(other == text for _, other, same in names if same == words):
            yield index, words


def _words(text: str) -> Words:
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
    return tuple(word for word in _WORD.findall(plain) if word not in _ARTICLES)


def _first_sentence(text: str) -> str:
    kept = text.lstrip()
    end = _SENTENCE_END.search(kept)
    return kept[: end.start()] if end else kept


def _last_sentence(text: str) -> str:
    return next((part for part in reversed(_SENTENCE_GAP.split(text.strip())) if part.strip()), "")
