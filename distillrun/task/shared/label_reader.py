"""The reader of labels: which of many labels a text names. The text is compared, never evaluated.

A label's own text goes before its marker: where labels are called "1" and "2", a number is a label and not a place.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from distillrun.records import reading
from distillrun.task.shared.choice_naming import folded, words_of

_CUE = re.compile(
    r"\b(?:answer|label|class|category|intent|topic)\b[\"'*_`)]*\s*(?:is\b\s*:?|[:=])\s*"
    r"|\bclassif(?:y|ied)\b[^.\n]{0,40}?\bas\b\s*:?",
    re.IGNORECASE,
)
_CUES = re.compile(
    r"\b(?:answer|label|class|category|intent|topic|labels|classes|categories|intents|topics)\b[\"'*_`)]*\s*"
    r"(?:(?:is|are)\b\s*:?|[:=])\s*",
    re.IGNORECASE,
)
_LISTS = tuple(map(re.compile, (r"\n+", r"\n+|;", r"\n+|[;,]", r"\n+|[;,]|\band\b|&")))
_MARKER = re.compile(r"[\s\"'*_`#(\[]*(?P<marker>\d+|[A-Za-z])(?:[\"'*_`)\].:,]+|\s*[-–—](?=\s)|(?=\s*\Z))(?P<rest>.*)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_NEGATIONS = frozenset(("not", "isn't", "never", "neither", "nor", "than", "unlike", "without"))

_FORMS: tuple[Callable[[str], str], ...] = (
    str.strip,
    reading,
    folded,
    lambda text: " ".join(words_of(text)),
)
"""In which two texts are compared, the strictest first."""


class LabelReader:
    """Reads labels out of texts; what depends on the labels alone is made once.

    Args:
        names: the labels; no two of them read alike.
        written: how each is written as an answer.
        markers: what the prompt lists before a label, such as its number -> its place.
    """

    def __init__(self, names: Sequence[str], written: Sequence[str], markers: Mapping[str, int]) -> None:
        self._tables = [(form, _table(form, source)) for source in (written, names) for form in _FORMS]
        self._markers = markers
        self._mentions: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        for place, name in enumerate(names):
            if words := words_of(name):
                self._mentions.setdefault(words[0], []).append((words, place))

    def read(self, text: str) -> int | None:
        """Return the place of the label that a text gives; None where it gives none, or several.

        A text that is a label or its marker decides; then what follows the last cue such as "Label:"; then its last
        line, and its first; and at last the only label that the last sentence mentions, unless it denies it.
        """
        whole = text.strip()
        if not whole:
            return None
        lines = whole.splitlines()
        rests = (whole[cue.end() :].strip() for cue in reversed(list(_CUE.finditer(whole))))
        for part in (whole, *(rest.splitlines()[0] for rest in rests if rest), lines[-1], lines[0]):
            if (found := self._named(part)) is not None:
                return found
        return self._mentioned(_SENTENCE.split(whole)[-1])

    def read_all(self, text: str) -> tuple[int, ...] | None:
        """Return the places of all labels that a text lists, ascending; None where it names none, or other things.

        What follows the last cue such as "Labels:" is read, or all of it: a label on each line, or with commas,
        semicolons or the word "and" between them. Where a part is no label, the labels count that the text mentions,
        unless it denies something.
        """
        whole = text.strip()
        rests = [whole[cue.end() :].strip() for cue in _CUES.finditer(whole)]
        for part in [*(rest for rest in reversed(rests) if rest), whole]:
            if (found := self._listed(part)) is not None:
                return tuple(sorted(found))
        mentioned, denied = self._mentions_in(whole)
        return tuple(sorted(mentioned)) if mentioned and not denied else None

    def _listed(self, text: str) -> set[int] | None:
        """Return the labels that a list is made of; None where a part of it is no label."""
        if (whole := self._equal(text)) is not None:
            return {whole}
        for splits in _LISTS:
            parts = [part for part in map(_bare, splits.split(text)) if part]
            known = {place for part in parts if (place := self._named(part)) is not None}
            if len(parts) > 1 and all(self._named(part) is not None for part in parts):
                return known
        only = self._named(_bare(text))
        return None if only is None or "\n" in text else {only}

    def _named(self, text: str) -> int | None:
        """Return the label that a text is, or that it begins to name with its marker."""
        if (found := self._equal(text)) is not None:
            return found
        match = _MARKER.match(text)
        if match is None:
            return None
        beside = self._equal(match["rest"])
        return self._markers.get(match["marker"].lower()) if beside is None else beside

    def _equal(self, text: str) -> int | None:
        for form, table in self._tables:
            if (key := form(text)) in table:
                return table[key]
        return None

    def _mentioned(self, sentence: str) -> int | None:
        """Return the only label whose words stand in a sentence, unless it denies it."""
        found, denied = self._mentions_in(sentence)
        return found.pop() if len(found) == 1 and not denied else None

    def _mentions_in(self, text: str) -> tuple[set[int], bool]:
        """Return the labels whose words stand in a text, of labels inside one another the longest, and if it denies."""
        words = words_of(text)
        found: set[int] = set()
        denied, place = False, 0
        while place < len(words):
            fits = [
                (len(own), label)
                for own, label in self._mentions.get(words[place], ())
                if words[place : place + len(own)] == own
            ]
            longest = max((length for length, _ in fits), default=0)
            found |= {label for length, label in fits if length == longest}
            denied |= not fits and words[place] in _NEGATIONS
            place += max(1, longest)
        return found, denied


def _bare(text: str) -> str:
    """Return a part of a list without what stands around it."""
    return text.strip().strip("\"'`*[](){}").strip().removesuffix(".").removeprefix("- ").strip()


def _table(form: Callable[[str], str], texts: Iterable[str]) -> dict[str, int]:
    """Return the place of each text in a form; forms that two texts share name neither."""
    table: dict[str, int] = {}
    shared = set()
    for place, text in enumerate(texts):
        key = form(text)
        shared |= {key} if not key or key in table else set()
        table[key] = place
    return {key: place for key, place in table.items() if key not in shared}
