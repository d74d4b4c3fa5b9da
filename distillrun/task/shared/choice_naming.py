"""The match of a text to a choice, however it is spelt: pure comparisons of texts."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from distillrun.records import reading

Words = tuple[str, ...]

Forms = Sequence[Sequence[str]]
"""For each choice, the texts that name it: the choice itself, and how it is written as an answer."""

_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:[.'][^\W_]+)*|[^\W_]+")
_CLOSING = ".!?,;: \n\t"
_ARTICLES = frozenset(("a", "an", "the"))
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


def folded(text: str) -> str:
    """Return a text for comparison: case, spacing, outer quotes and closing punctuation do not count."""
    plain = _plain(text)
    return " ".join(plain.split()).lstrip("\"' *`").rstrip(".!?,;: \"'*`")


def named_by(key: str, forms: Forms, form: Callable[[str], str]) -> int | None:
    """Return the first choice one of whose names has this form, unless choices that read unlike have it, too.

    How a choice is written as an answer goes before what it is called: a choice may be called "The answer is x".
    """
    for names in reversed(list(zip(*forms, strict=True))) if key else ():
        found = [index for index, name in enumerate(names) if form(name) == key]
        if found:
            return found[0] if len({reading(forms[index][0]) for index in found}) == 1 else None
    return None


def equal_folded(text: str, forms: Forms) -> int | None:
    """Compare as written, without closing punctuation, and without what does not count."""
    for key in (reading(text), reading(text.rstrip(_CLOSING))):
        found = named_by(key, forms, reading)
        if found is not None:
            return found
    return named_by(folded(text), forms, folded)


def equal(text: str, forms: Forms) -> int | None:
    """Compare as written, then without punctuation and articles."""
    found = equal_folded(text, forms)
    if found is not None:
        return found
    key = words_of(text)
    return next((index for index, words in named(forms) if words == key), None)


def named(forms: Forms) -> Iterator[tuple[int, Words]]:
    """Yield (choice, words of one of its names), leaving out words that would name two unlike choices or nothing."""
    names = [(index, reading(names[0]), words_of(name)) for index, names in enumerate(forms) for name in names]
    for index, text, words in names:
        if words and all(other == text for _, other, same in names if same == words):
            yield index, words


def words_of(text: str) -> Words:
    """Return the words of a text for comparison: lower case, without punctuation and articles."""
    return tuple(word for word in _WORD.findall(_plain(text)) if word not in _ARTICLES)


def _plain(text: str) -> str:
    """Return a text in lower case, where Turkish has two letters i whose capitals are each other's elsewhere."""
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
    return plain.replace("i\u0307", "i").replace("ı", "i")
