"""Conversion of text segments to token ids: the one place where text is tokenised, truncated and ended."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from transformers import PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.chat_format import ChatFormat
from distillrun.language_model.limits import Truncate, leading
from distillrun.language_model.segment_tokens import Token, segment_tokens
from distillrun.language_model.special_tokens import special_tokens
from distillrun.loss.tensors import IGNORE
from distillrun.records import LongText, Segment, TargetPair

log = logging.getLogger(__name__)

ANCHOR = "."
"""What a target is tokenised behind where nothing but a blank stands before it: the end of some source."""

REMEMBERED_TEXTS = 4096
"""How many tokenised texts are kept: a step is measured and then encoded, and queries are asked again at each check."""


@dataclass(frozen=True, slots=True)
class Target:
    """Token ids of a target, the end last, and whether each is learnt.

    `ends` are the characters of the text up to the end of each token; the end's is one further than the text. The last
    `closing` tokens are those that close it: the end, and what a chat template writes before it.
    """

    ids: tuple[int, ...]
    learn: tuple[bool, ...]
    ends: tuple[int, ...]
    closing: int = 1

    @property
    def labels(self) -> list[int]:
        """The ids, `IGNORE` where nothing is learnt."""
        return [token if learn else IGNORE for token, learn in zip(self.ids, self.learn, strict=True)]


class SegmentTokenizer:
    """A tokenizer of segments.

    The texts of the segments are joined and tokenised once, so that where a segment ends changes no token. A token
    belongs to every segment that one of its non-blank characters lies in: it is learnt if one of them is learnt, and
    it may be dropped only if all of them may be cut. Tokens are dropped from the end of the last cut segment first, and
    where that is not enough, `truncate` may cut the question. A special token that is spelt out in a text is read as
    that token, as transformers does.

    Blanks between source and target, such as a separator of " ", belong to the target: a model writes " The" as one
    token, and would never go on with "The" after a blank that stands alone. A target is tokenised behind what stands
    before it, so that source and target together have the tokens of the whole text.

    Attributes:
        separator: text between source and target where the target is read on from the source; None where the source
            stands alone and is closed by the tokenizer's own special tokens (T5's EOS, BERT's [SEP]).
        truncate: what is cut of a source that is too long: the end or the beginning of its question, or of the whole
            where no segment is the question; or nothing, so that it is refused.
        chat: the frame of source and target, in place of a separator; None = plain text.
        eos: the id that closes every target, and is learnt.
        ends: every id at which a text that is written ends; `eos` is one.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        max_source_tokens: int,
        max_target_tokens: int,
        separator: str | None,
        truncate: Truncate = "refuse",
        chat: ChatFormat | None = None,
        ends: Iterable[int] = (),
    ) -> None:
        if not tokenizer.is_fast:
            raise ConfigError(
                f"the tokenizer of student.checkpoint={tokenizer.name_or_path} is a {type(tokenizer).__name__}, which "
                "cannot say where its tokens stand in the text; choose a checkpoint with a tokenizer.json"
            )
        self.tokenizer = tokenizer
        self.max_source_tokens = max_source_tokens
        self.max_target_tokens = max_target_tokens
        self.separator = separator
        self.truncate = truncate
        self.chat = chat
        self.eos = int(tokenizer.eos_token_id) if chat is None else chat.end
        self.ends = frozenset({self.eos, *ends})
        opening, closing = ((), ()) if chat else special_tokens(tokenizer)  # a template writes them itself
        self._opening, self._closing = opening, closing if separator is None else ()
        self._lead = chat.lead if chat else leading(separator or "")
        self._turn = chat.turn if chat else (separator or "").removesuffix(self._lead)
        self._said: set[str] = set()
        self.source = lru_cache(REMEMBERED_TEXTS)(self._source)
        self.target = lru_cache(REMEMBERED_TEXTS)(self._target)

    def _source(self, segments: tuple[Segment, ...]) -> tuple[int, ...]:
        """Return the ids of a source, with the tokenizer's special tokens or a chat's turns around it; never empty."""
        room = self.max_source_tokens - len(self._opening) - len(self._closing)
        tokens = self._shortened(self._read(segments), room, "student.max_source_tokens", segments)
        ids = (*self._opening, *(token.id for token in tokens), *self._closing)
        return ids or (self.eos,)  # a model cannot start from nothing

    def _target(self, segments: tuple[Segment, ...]) -> Target:
        """Return the ids of a target with its end, which is learnt."""
        written = self.chat.reply(segments) if self.chat else segments
        length, taken_off = _length(written), _taken_off(segments, written)
        found = self._following(written)
        tokens = self._shortened(found, self.max_target_tokens - 1, "student.max_target_tokens", segments)
        closing = sum(token.begin >= length for token in tokens) if self.chat and self.chat.closing else 0
        return Target(
            (*(token.id for token in tokens), self.eos),
            (*(token.learn for token in tokens), True),
            (*(taken_off + min(token.end, length) for token in tokens), _length(segments) + 1),
            closing + 1,
        )

    def _following(self, segments: tuple[Segment, ...]) -> list[Token]:
        """Return the tokens of what is written after the seam: lead, text and closing; places count from the text.

        Where a token would lie across the seam, they are cut apart: a source has the same tokens whatever follows it.
        """
        if not self._lead and self.chat is None:
            return self._tokens(segments)
        first = next(iter(segments), Segment(""))
        lead = Segment(self._lead, first.learn, first.cut)
        text = (lead, *segments, Segment(self.chat.closing if self.chat else ""))
        seam = Segment(self._turn or ANCHOR)
        ahead = self._tokens((seam,))
        joint = self._tokens((seam, *text))
        begin = len(seam.text) + len(lead.text)
        if [token.id for token in joint[: len(ahead)]] != [token.id for token in ahead]:
            ahead, joint, begin = [], self._tokens(text), len(lead.text)
        return [
            replace(token, begin=max(0, token.begin - begin), end=max(0, token.end - begin))
            for token in joint[len(ahead) :]
        ]

    def target_of(self, pair: TargetPair) -> Target:
        """Return the ids of a pair's target: what a student wrote itself, as it wrote it, is learnt as a whole."""
        if pair.written is None:
            target = self.target(pair.target)
        else:
            ids = pair.written
            target = Target(ids, (True,) * len(ids), tuple(range(1, len(ids) + 1)))
        if not pair.padding:
            return target
        pad = self.tokenizer.pad_token_id
        return Target(
            target.ids + (self.eos if pad is None else pad,) * pair.padding,
            target.learn + (True,) * pair.padding,
            target.ends + target.ends[-1:] * pair.padding,
        )

    def lengths(self, pairs: Sequence[TargetPair]) -> list[tuple[int, int, int]]:
        """Return (source tokens, target tokens with EOS, learnt tokens) of each pair after truncation."""
        targets = [self.target_of(pair) for pair in pairs]
        return [
            (len(self.source(pair.source)), len(target.ids), sum(target.learn))
            for pair, target in zip(pairs, targets, strict=True)
        ]

    def long_texts(self, index: int, pair: TargetPair) -> list[LongText]:
        """Return what of a pair, which has a place among others, is too long: cut, or refused with the cure."""
        read = len(self._opening) + len(self._read(pair.source)) + len(self._closing)
        written = len(self._following(self.chat.reply(pair.target) if self.chat else pair.target)) + 1
        found = []
        if read > (limit := self.max_source_tokens):
            problem = _refusal(lambda: self.source(pair.source))
            found.append(LongText(index, "source", read, f"student.max_source_tokens={limit}", problem))
        if pair.written is None and written > (limit := self.max_target_tokens):
            problem = _refusal(lambda: self.target(pair.target))
            found.append(LongText(index, "target", written, f"student.max_target_tokens={limit}", problem))
        return found

    def separated(self, separator: str) -> "SegmentTokenizer":
        """Return it with another separator; itself where texts are read apart, or as a chat."""
        if self.separator is None or self.chat is not None:
            return self
        sizes = self.max_source_tokens, self.max_target_tokens
        return SegmentTokenizer(self.tokenizer, *sizes, separator, self.truncate, ends=self.ends)

    def with_targets_of(self, other: "SegmentTokenizer") -> "SegmentTokenizer":
        """Return it with another one's targets: its own sources, and the same ids after them."""
        made = copy(self)
        made.target, made.eos, made.ends = other.target, other.eos, other.ends
        return made

    @property
    def seam(self) -> str:
        """What a plain source ends in; nothing where it stands alone, or in a chat."""
        return "" if self.chat else self._turn

    def reply(self, ids: Sequence[int]) -> str:
        """Return the text that is written by ids, up to the first at which texts end."""
        length = next((place for place, token in enumerate(ids) if token in self.ends), len(ids))
        text = self.decode(ids[:length]).removeprefix(self._lead)
        return text.removesuffix(self.chat.closing) if self.chat and length < len(ids) else text

    def written_ends(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Return the characters of `reply` up to the end of each id; an id at which texts end is one further."""
        text = self.reply(ids)
        length = next((place for place, token in enumerate(ids) if token in self.ends), len(ids))
        whole = self.decode(ids[:length])
        taken_off = len(self._lead) if whole.startswith(self._lead) else 0
        read = [_reached(whole, self.decode(ids[: place + 1])) for place in range(length)]
        inside = [min(max(0, one - taken_off), len(text)) for one in read]
        return (*inside, *[len(text) + 1] * (len(ids) - length))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids without special tokens."""
        text = self.tokenizer.decode(list(ids), skip_special_tokens=True)
        return str(text)

    @cached_property
    def digest(self) -> str:
        """The sha256 of the token -> id map."""
        tokens = sorted(self.tokenizer.get_vocab().items())
        return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()

    def _read(self, segments: Sequence[Segment]) -> list[Token]:
        """Return the tokens of a source with what frames it; where no segment is the question, all are."""
        if self.truncate != "refuse" and not any(segment.asked for segment in segments):
            segments = [replace(segment, asked=True) for segment in segments]
        if self.chat is not None:
            return self._tokens(self.chat.question(segments))
        return self._tokens([*segments, *([Segment(self._turn)] if self._turn else [])])

    def _tokens(self, segments: Sequence[Segment]) -> list[Token]:
        """Return the tokens of the joined segments, without special tokens."""
        return segment_tokens(self.tokenizer, segments, self.truncate != "refuse")  # else nobody looks for the question

    def _shortened(self, tokens: list[Token], room: int, key: str, segments: Sequence[Segment]) -> list[Token]:
        """Return the tokens with as few cut ones dropped as fit the room. Raises ConfigError if they cannot."""
        excess = len(tokens) - room
        if excess <= 0:
            return tokens
        droppable = [index for index, token in enumerate(tokens) if token.cut]
        if excess > len(droppable) and self.truncate != "refuse" and key == "student.max_source_tokens":
            question = [index for index, token in enumerate(tokens) if token.asked and not token.cut]
            droppable = [*(question[::-1] if self.truncate == "head" else question), *droppable]
        limit = self.max_source_tokens if key == "student.max_source_tokens" else self.max_target_tokens
        begin = "".join(segment.text for segment in segments)[:60]
        if excess > len(droppable):
            least = limit + excess - len(droppable)
            cure = ", or student.truncate=tail (or head) to cut it" if self.truncate == "refuse" else ""
            cure = cure if key == "student.max_source_tokens" else ""
            raise ConfigError(
                f"{key}={limit} is too small for the text that begins {begin!r}: the parts of it that may not be cut "
                f"need {least} tokens; set {key}={least} or more{cure}"
            )
        if key not in self._said:
            self._said.add(key)
            log.warning("cut the text that begins %r by %d tokens to %s=%d (said once)", begin, excess, key, limit)
        dropped = set(droppable[len(droppable) - excess :])
        return [token for index, token in enumerate(tokens) if index not in dropped]


def _refusal(read: Callable[[], object]) -> str:
    """Return why a text cannot be read; empty where it can."""
    try:
        read()
    except ConfigError as error:
        return str(error)
    return ""


def _reached(whole: str, begun: str) -> int:
    """Return up to which character a text is begun; a character of which a part is there counts as a whole."""
    pairs = enumerate(zip(whole, begun, strict=False))
    return next((place + 1 for place, (one, other) in pairs if one != other), min(len(begun), len(whole)))


def _length(segments: Sequence[Segment]) -> int:
    return sum(len(segment.text) for segment in segments)


def _taken_off(segments: Sequence[Segment], written: Sequence[Segment]) -> int:
    """Return how many characters at the beginning of segments are not written."""
    whole, kept = ("".join(segment.text for segment in own) for own in (segments, written))
    return max(0, whole.find(kept))
