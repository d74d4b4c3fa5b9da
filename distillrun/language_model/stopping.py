"""The end of a written text: an end token, a stop text, or the token limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from transformers import PreTrainedTokenizerBase

from distillrun.text.thinking import first_stop, has_tags

BATCH = 8192
"""Tokens that are decoded at once while a vocabulary is looked through."""


@dataclass(frozen=True, slots=True)
class Written:
    """A finished text.

    Attributes:
        text: before the first stop text.
        finish_reason: stop or length.
        tokens: how many were written, an end token and the tokens of a stop text among them.
        discarded_tokens: how many of them came after the one that completed the stop text.
    """

    text: str
    finish_reason: Literal["stop", "length"]
    tokens: int
    discarded_tokens: int


class Stops:
    """The end of each row's text, found token by token.

    Only a token that may hold the last character of a stop text can complete one: all others need no decoding.

    Args:
        tokenizer: reads ids as text.
        ends: ids at which a text ends.
        texts: stop texts; they end nothing in the middle of thinking.
        opening: what stands before each row's text and belongs to it, such as a tag with which its prompt ends.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, ends: frozenset[int], texts: tuple[str, ...], opening: str = ""
    ) -> None:
        self._tokenizer = tokenizer
        self._ends = ends
        self._texts = texts
        self._opening = opening
        special = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
        self._tags = {token: text for token, text in special if has_tags(text)}
        self._completing = completing_tokens(tokenizer, texts) if texts else frozenset()

    def finished(self, ids: Sequence[int], max_new_tokens: int) -> Written | None:
        """Return the text of a row whose last token was just written, if it ends here; None if it goes on."""
        if ids[-1] in self._ends:
            return Written(self._cut(ids[:-1]), "stop", len(ids), 0)
        if ids[-1] in self._completing:
            text = self._decode(ids)
            if (place := self._first_stop(text)) is not None:
                return Written(text[:place], "stop", len(ids), self._discarded(ids))
        if len(ids) >= max_new_tokens:
            return Written(self._cut(ids), "length", len(ids), 0)
        return None

    def _cut(self, ids: Sequence[int]) -> str:
        text = self._decode(ids)
        return text[: self._first_stop(text)]

    def _first_stop(self, text: str) -> int | None:
        found = first_stop(text, self._texts)
        return None if found is None else found[0]

    def _discarded(self, ids: Sequence[int]) -> int:
        """Return how many tokens could be taken off the end with the stop text still there."""
        count = 0
        while count + 1 < len(ids) and self._first_stop(self._decode(ids[: -count - 1])) is not None:
            count += 1
        return count

    def _decode(self, ids: Sequence[int]) -> str:
        """Return ids as text: no special tokens, but the tags of thinking, which are some for a few models."""
        text, begin = self._opening, 0
        for place in [place for place, token in enumerate(ids) if token in self._tags] if self._tags else ():
            text += self._plain(ids[begin:place]) + self._tags[ids[place]]
            begin = place + 1
        return text + self._plain(ids[begin:])

    def _plain(self, ids: Sequence[int]) -> str:
        text = self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)


@lru_cache(maxsize=32)
def completing_tokens(tokenizer: PreTrainedTokenizerBase, texts: tuple[str, ...]) -> frozenset[int]:
    """Return the tokens that may hold the last character of one of the texts.

    Each is decoded behind another token, since some tokenizers strip a blank at the beginning. One that holds a part of
    a character only (U+FFFD) may complete any character beyond ASCII.
    """
    lasts = {text[-1] for text in texts}
    wide = any(ord(character) > 127 for character in lasts)
    anchor = tokenizer("a", add_special_tokens=False)["input_ids"]
    anchored = str(tokenizer.decode(anchor, skip_special_tokens=False, clean_up_tokenization_spaces=False))
    found: set[int] = set()
    for begin in range(0, len(tokenizer), BATCH):
        tokens = range(begin, min(begin + BATCH, len(tokenizer)))
        pairs = [[*anchor, token] for token in tokens]
        decoded = tokenizer.batch_decode(pairs, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        for token, text in zip(tokens, decoded, strict=True):
            added = text.removeprefix(anchored)
            if lasts & set(added) or (wide and "\ufffd" in added):
                found.add(token)
    return frozenset(found)
