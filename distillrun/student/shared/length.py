"""The texts that are too long for a student: found before anything is spent, with a tokenizer and without weights."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from distillrun.language_model.limits import OWN_TOKENS, Limits, Truncate
from distillrun.records import LongText, Segment, TargetPair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from distillrun.language_model.chat_format import ChatFormat

Tokenizer = Callable[[], "PreTrainedTokenizerBase"]
"""Loads a tokenizer; called only where a text may be too long, since no text has more tokens than bytes."""


def long_pairs(
    tokenizer: Tokenizer,
    limits: Limits,
    is_one_text: bool,
    pairs: Iterable[TargetPair],
    chat: "ChatFormat | None" = None,
) -> list[LongText]:
    """Return the texts that are too long for a student that writes.

    Args:
        tokenizer: of the student.
        limits: of its texts.
        is_one_text: source and target are read as one text with the separator between them.
        pairs: what it reads and writes.
        chat: the format of its chats; None = it reads plain text.
    """
    if chat is not None:
        limits = replace(limits, frame=len((chat.opening + chat.turn).encode()))
    long = [(index, pair) for index, pair in enumerate(pairs) if limits.may_be_exceeded(pair)]
    if not long:
        return []
    from distillrun.language_model.text import SegmentTokenizer

    separator = limits.separator if is_one_text else None
    own = limits.max_source_tokens, limits.max_target_tokens, separator, limits.truncate
    text = SegmentTokenizer(tokenizer(), *own, chat)
    return [found for index, pair in long for found in text.long_texts(index, pair)]


def long_texts(
    tokenizer: Tokenizer, max_tokens: int, truncate: Truncate, pairs: Iterable[TargetPair], reads_answers: bool = False
) -> list[LongText]:
    """Return the texts that are too long for a student that reads alone.

    Args:
        tokenizer: of the student.
        max_tokens: of a text.
        truncate: what becomes of longer ones.
        pairs: what it reads.
        reads_answers: it reads the target behind the source.
    """
    texts = [(_written(pair.source), _written(pair.target) if reads_answers else "") for pair in pairs]
    long = [n for n, own in enumerate(texts) if sum(len(text.encode()) for text in own) + OWN_TOKENS > max_tokens]
    if not long:
        return []
    load = tokenizer()
    questions, answers = ([texts[n][part] for n in long] for part in (0, 1))
    encoded = load(questions, answers, verbose=False) if reads_answers else load(questions, verbose=False)
    counts = [len(ids) for ids in encoded["input_ids"]]
    setting = f"student.max_tokens={max_tokens}"
    return [
        LongText(n, "source", count, setting, _refusal(texts[n][0], count, setting) if truncate == "refuse" else "")
        for n, count in zip(long, counts, strict=True)
        if count > max_tokens
    ]


def _refusal(text: str, count: int, setting: str) -> str:
    return (
        f"{setting} is too small for the text that begins {text[:60]!r}, which has {count} tokens; set "
        f"student.max_tokens={count} or more, or student.truncate=tail (or head) to cut it"
    )


def _written(segments: Sequence[Segment]) -> str:
    return "".join(segment.text for segment in segments)
