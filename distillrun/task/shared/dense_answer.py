"""Answers in scripts that write words without blanks between them: Chinese, Japanese and Korean.

What words and blanks tell in other scripts, the text of a choice tells here: it counts wherever it stands.
"""

import re
import unicodedata

from distillrun.task.shared.choice_naming import Forms

DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")

_SIGNS = str.maketrans({"。": ". ", "、": ", ", "「": '"', "」": '"', "『": '"', "』": '"', "《": '"', "》": '"'})
_CUE = re.compile(
    r"(?:答案|答え|正解|回答|选项|選項|정답|답)(?:应该|應該)?(?:是|为|為|は|が|은|는|이|가|[:\s\"*])*|[选選](?=\s*\(?[A-Za-z])"
)
_LETTER = re.compile(r"[\s\"*(\[]*([A-Za-z])(?![A-Za-z])")
_SENTENCE_GAP = re.compile(r"(?<=[.!?])\s+|\n+")
_DENIED_BEFORE = re.compile(r"(?:不是|并非|並非|而非|不选|不選|不会是|不|非)$")
_DENIED_AFTER = re.compile(r"^(?:では|じゃ|で)な|^(?:이|가)?\s*아니")


def dense_choice(text: str, forms: Forms) -> int | None:
    """Return the choice that a text in such a script gives; None where it gives none, or several.

    What follows the last cue such as 答案是 decides, by a choice or its letter; else the only choice that the last
    sentence mentions without denying it.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_SIGNS).strip()
    names = [unicodedata.normalize("NFKC", names[0]).casefold() for names in forms]
    for cue in reversed(list(_CUE.finditer(plain))):
        rest = plain[cue.end() :]
        found = max(
            (n for n, name in enumerate(names) if name and rest.casefold().startswith(name)),
            key=lambda n: (len(names[n]), -n),
            default=None,
        )
        letter = _LETTER.match(rest)
        if found is None and letter is not None and (place := ord(letter[1].lower()) - ord("a")) < len(names):
            found = place
        if found is not None:
            return found
    letter = _LETTER.fullmatch(plain.rstrip('.)]"* '))
    if letter is not None and (place := ord(letter[1].lower()) - ord("a")) < len(names):
        return place
    sentences = [part for part in _SENTENCE_GAP.split(plain) if part.strip()]
    return _mentioned(sentences[-1].casefold(), names) if sentences else None


def _mentioned(sentence: str, names: list[str]) -> int | None:
    """Return the one choice that stands in a sentence; one inside a longer one, or of one sign, does not count."""
    spans = [
        (match.start(), match.end(), place)
        for place, name in enumerate(names)
        if len(name) > 1 and DENSE.search(name)
        for match in re.finditer(re.escape(name), sentence)
    ]
    whole = [s for s in spans if not any(o[0] <= s[0] and s[1] <= o[1] and o[1] - o[0] > s[1] - s[0] for o in spans)]
    kept = {
        place
        for start, end, place in whole
        if not _DENIED_BEFORE.search(sentence[:start].rstrip('" '))
        and not _DENIED_AFTER.match(sentence[end:].lstrip('" '))
    }
    return _only(sorted(kept), names)


def _only(places: list[int], names: list[str]) -> int | None:
    """Return the first of some choices with one text; None where they have several, or there are none."""
    return places[0] if len({names[place] for place in places}) == 1 else None
