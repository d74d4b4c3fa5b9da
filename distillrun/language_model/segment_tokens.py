"""The tokens of segments that are joined and tokenised once."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from transformers import PreTrainedTokenizerBase

from distillrun.records import Segment


@dataclass(frozen=True, slots=True)
class Token:
    """A token of joined segments.

    Attributes:
        id: in the vocabulary.
        learn: it is learnt.
        cut: it may be dropped where a text is too long.
        asked: it is part of the question.
        begin, end: its characters in the joined text.
    """

    id: int
    learn: bool
    cut: bool
    asked: bool
    begin: int
    end: int


def segment_tokens(
    tokenizer: PreTrainedTokenizerBase, segments: Sequence[Segment], tells_question: bool
) -> list[Token]:
    """Return the tokens of the joined segments, without special tokens.

    A token belongs to every segment that one of its non-blank characters lies in: it is learnt if one of them is, and
    it may be dropped only if all of them may.

    Args:
        tokenizer: a fast one.
        segments: of one text.
        tells_question: whether tokens tell which of them are the question.
    """
    written = [segment for segment in segments if segment.text]
    text = "".join(segment.text for segment in written)
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids = encoding["input_ids"]
    offsets = encoding["offset_mapping"]
    if len({(segment.learn, segment.cut, tells_question and segment.asked) for segment in written}) == 1:
        only = written[0]  # as good as one: where a segment ends changes nothing
        kind = only.learn, only.cut, only.asked
        return [Token(token, *kind, *span) for token, span in zip(ids, offsets, strict=True)]
    starts = list(accumulate((len(segment.text) for segment in written), initial=0))[:-1]
    tokens = []
    for token, (begin, end) in zip(ids, offsets, strict=True):
        touched = _touched(text, begin, end, starts)
        learn = any(written[index].learn for index in touched)
        may_cut = all(written[index].cut for index in touched)
        may_ask = all(written[index].asked for index in touched)
        tokens.append(Token(token, learn, may_cut, may_ask, begin, end))
    return tokens


def _touched(text: str, begin: int, end: int, starts: list[int]) -> set[int]:
    """Return the segments that the characters begin..end lie in, blanks left out unless there is nothing else."""
    places = [place for place in range(begin, end) if not text[place].isspace()] or [min(begin, len(text) - 1)]
    return {bisect_right(starts, place) - 1 for place in places}
