"""Segments to token ids: learn flags, truncation, EOS, special tokens."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from distillrun.errors import ConfigError
from distillrun.language_model.greedy import greedy_texts
from distillrun.language_model.limits import Truncate
from distillrun.language_model.special_tokens import special_tokens
from distillrun.language_model.text import SegmentTokenizer
from distillrun.language_model.tiny import tiny_tokenizer
from distillrun.loss.tensors import IGNORE
from distillrun.records import Segment, TargetPair

TINY = tiny_tokenizer()
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def tokenized(source: int = 512, target: int = 512, separator: str | None = None) -> SegmentTokenizer:
    return SegmentTokenizer(TINY, max_source_tokens=source, max_target_tokens=target, separator=separator)


def bert_like(words: list[str]) -> PreTrainedTokenizerBase:
    """Return a word tokenizer that puts [CLS] before and [SEP] after a text, and a space before no word."""
    vocabulary = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    kind: Any = PreTrainedTokenizerFast
    fast: PreTrainedTokenizerBase = kind(
        tokenizer_object=tokenizer, pad_token="[PAD]", eos_token="[SEP]", cls_token="[CLS]"
    )
    return fast


@given(texts.filter(lambda text: not any(word in text for word in TINY.all_special_tokens)))
def test_the_tiny_tokenizer_keeps_every_character(text: str) -> None:
    ids = TINY(text, add_special_tokens=False)["input_ids"]

    assert tokenized().decode(ids) == text


@given(st.lists(st.builds(Segment, texts, learn=st.booleans()), max_size=4))
def test_where_segments_end_changes_no_token(segments: list[Segment]) -> None:
    whole = Segment("".join(segment.text for segment in segments))

    assert tokenized().target(tuple(segments)).ids == tokenized().target((whole,)).ids


def test_eos_is_the_last_target_token_once_and_learnt() -> None:
    target = tokenized().target((Segment("It lives in the sea.", learn=False),))

    assert target.ids.count(TINY.eos_token_id) == 1
    assert target.labels[-1] == TINY.eos_token_id
    assert set(target.labels[:-1]) == {IGNORE}


def test_learnt_text_is_learnt_to_the_character() -> None:
    text = tokenized()
    target = text.target(
        (Segment("[answer] The answer is ", learn=False), Segment("a bank teller"), Segment("!", learn=False))
    )

    assert text.decode([label for label in target.labels if label != IGNORE]).strip() == "a bank teller"


def test_a_blank_before_learnt_text_does_not_hide_its_first_word() -> None:
    """A token such as ' bank' starts in the unlearnt segment with its blank, and carries the learnt word."""
    text = tokenized()
    for begin, end in [("The answer is ", "bank"), ("The answer is", " bank")]:
        target = text.target((Segment(begin, learn=False), Segment(end)))
        assert text.decode([label for label in target.labels[:-1] if label != IGNORE]).strip() == "bank"


def test_a_token_that_two_segments_share_is_learnt_if_one_of_them_is_and_cut_only_if_both_are() -> None:
    (shared,) = TINY(" water", add_special_tokens=False)["input_ids"]
    text = tokenized()

    assert text.target((Segment(" wat", learn=False), Segment("er"))).labels == [shared, TINY.eos_token_id]
    assert text.target((Segment(" wat"), Segment("er", learn=False))).labels == [shared, TINY.eos_token_id]
    with pytest.raises(ConfigError, match="need 2 tokens"):
        SegmentTokenizer(TINY, 9, 1, None).target((Segment(" wat", cut=True), Segment("er")))


def test_what_is_written_after_eos_is_not_read() -> None:
    text = tokenized()
    sea, eos = TINY(" water", add_special_tokens=False)["input_ids"][0], text.eos

    def write(sources: Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(
            [[source[0], eos, sea] if len(source) == 1 else [sea, sea, source[0]] for source in sources]
        )

    assert greedy_texts(write, text, [[sea], [sea, sea], [sea]], 3, 100) == [" water", " water" * 3, " water"]


@settings(max_examples=200)
@given(
    st.lists(st.builds(Segment, texts, learn=st.booleans(), cut=st.booleans()), max_size=5),
    st.integers(2, 40),
)
def test_truncation_never_touches_uncut_segments(segments: list[Segment], limit: int) -> None:
    text = tokenized(target=limit)
    whole = tokenized().target(tuple(segments))
    try:
        cut = text.target(tuple(segments))
    except ConfigError:
        kept = tokenized().target(tuple(segment for segment in segments if not segment.cut))
        assert len(whole.ids) > limit
        assert len(kept.ids) + 2 * len(segments) > limit  # a segment's edge may be tokenised otherwise by itself
        return
    assert len(cut.ids) == min(limit, len(whole.ids))
    assert cut.ids[-1] == TINY.eos_token_id
    read = text.decode(cut.ids).replace("�", "")
    position = 0
    for segment in segments:
        if not segment.cut:
            position = _find("".join(segment.text.split()), "".join(read.split()), position)


def _find(part: str, text: str, start: int) -> int:
    found = text.find(part, start)
    assert found >= 0, (part, text)
    return found + len(part)


def test_the_last_cut_segment_is_shortened_first() -> None:
    segments = (Segment("one two three four", cut=True), Segment(" keep"), Segment(" five six seven eight", cut=True))
    full = len(tokenized().source(segments))

    assert tokenized().decode(tokenized(full - 2).source(segments)).startswith("one two three four keep five")


def test_text_that_may_not_be_cut_is_refused_with_the_key_that_mends_it() -> None:
    segments = (Segment("Where do fish live?"), Segment(" A long story.", cut=True))
    least = len(tokenized().source(segments[:1]))

    with pytest.raises(ConfigError, match=rf"student\.max_source_tokens=3 .*'Where do fish.*max_source_tokens={least}"):
        tokenized(source=3).source(segments)
    with pytest.raises(ConfigError, match=rf"student\.max_target_tokens=3 .*max_target_tokens={least + 1}"):
        tokenized(target=3).target(segments)
    assert len(tokenized(source=least).source(segments)) == least
    assert len(tokenized(target=least + 1).target(segments).ids) == least + 1


def test_cutting_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    text = tokenized(source=4)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            text.source((Segment(f"{number} " * 30, cut=True),))

    assert len(caplog.messages) == 1
    assert "student.max_source_tokens=4" in caplog.messages[0]


def test_a_separator_ends_the_source_and_survives_truncation() -> None:
    text = tokenized(source=6, separator="\n")
    source = text.source((Segment("a very long question " * 5, cut=True),))

    assert len(source) == 6
    assert text.decode(source).endswith("\n")


def test_special_tokens_surround_a_source_only_where_it_stands_alone() -> None:
    tokenizer = bert_like(["fish", "live"])
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id or tokenizer.eos_token_id
    ids = tuple(tokenizer("fish live", add_special_tokens=False)["input_ids"])
    question = (Segment("fish live", cut=True),)

    assert special_tokens(tokenizer) == ((cls,), (sep,))
    assert SegmentTokenizer(tokenizer, 9, 9, separator=None).source(question) == (cls, *ids, sep)
    assert SegmentTokenizer(tokenizer, 9, 9, separator="").source(question) == (cls, *ids)
    assert SegmentTokenizer(tokenizer, 3, 9, separator=None).source(question) == (
        cls,
        ids[0],
        sep,
    )


def test_an_empty_source_is_not_empty_for_the_model() -> None:
    assert tokenized().source(()) == (TINY.eos_token_id,)


def test_lengths_are_those_after_truncation() -> None:
    text = tokenized(source=5, target=6)
    pair = TargetPair(
        (Segment("why " * 20, cut=True),), (Segment("a", learn=False), Segment(" b" * 9, cut=True)), "explain"
    )

    assert text.lengths([pair]) == [(5, 6, 5)]


def test_the_digest_tells_vocabularies_apart() -> None:
    digests = {SegmentTokenizer(bert_like(words), 9, 9, None).digest for words in (["fish"], ["fish"], ["bird"])}

    assert len(digests) == 2


def test_a_tokenizer_without_offsets_is_refused() -> None:
    class Slow:
        is_fast = False
        name_or_path = "old-model"

    with pytest.raises(ConfigError, match=r"student\.checkpoint=old-model .*tokenizer\.json"):
        SegmentTokenizer(Slow(), 9, 9, None)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(st.text("abc de", min_size=40, max_size=80), st.integers(20, 30), st.sampled_from(["tail", "head"]))
def test_a_question_is_cut_at_one_end_and_nothing_around_it(question: str, limit: int, truncate: Truncate) -> None:
    text = SegmentTokenizer(TINY, limit, 9, "\n", truncate)
    segments = (Segment("predict: "), Segment(question, asked=True), Segment(" Say it."))
    whole, ids = tokenized(separator="\n").source(segments), text.source(segments)

    kept = text.decode(ids)
    assert len(ids) == min(limit, len(whole))
    assert kept.startswith("predict:")
    assert kept.endswith(" Say it.\n")
    inside = kept.removeprefix("predict:").removesuffix(" Say it.\n").strip()
    assert (question.strip().startswith if truncate == "tail" else question.strip().endswith)(inside)


def test_a_cut_text_is_what_the_tokenizers_own_truncation_leaves() -> None:
    for side, truncate in (("right", "tail"), ("left", "head")):
        words = bert_like(["fish", "live", "deep", "sea"])
        question = "fish live sea deep fish"
        words.truncation_side = side
        theirs = words(question, truncation=True, max_length=5)["input_ids"]
        cut: Truncate = truncate  # type: ignore[assignment]
        assert SegmentTokenizer(words, 5, 9, None, cut).source((Segment(question),)) == tuple(theirs)


def test_long_texts_are_counted_as_they_are_and_refused_where_they_cannot_be_cut() -> None:
    pair = TargetPair((Segment("why " * 20, asked=True),), (Segment("because " * 20),), "check")
    read = len(tokenized().source(pair.source))
    cut, refused = tokenized(source=9, target=9).long_texts(3, pair)

    assert (cut.index, cut.part, cut.tokens, cut.setting) == (3, "source", read, "student.max_source_tokens=9")
    assert "student.truncate=tail (or head)" in cut.problem
    assert refused.part == "target"
    assert "student.max_target_tokens=" in refused.problem
    assert "truncate" not in refused.problem
    assert SegmentTokenizer(TINY, 9, 99, None, "head").long_texts(3, pair)[0].problem == ""
    assert tokenized().long_texts(3, pair) == []
