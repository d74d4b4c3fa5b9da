"""The format of chats: source and target together have the tokens of the template's whole conversation."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.chat_format import chat_format, note_format, read_format
from distillrun.language_model.text import SegmentTokenizer
from distillrun.records import Json, Segment
from tests.chat_models import WRITTEN_HERE, byte_level, metaspace, template_of, write_chat

FAMILIES: Mapping[str, Mapping[str, Json]] = {
    "qwen2_5": {},
    "qwen3": {"enable_thinking": False},
    "qwen3 thinking": {},
    "llama3": {},
    "llama3_2": {},
    "gemma": {},
    "gemma3": {},
    "phi3": {},
    "phi3_5": {},
    "deepseekv3": {},
}
QWEN = Path(os.environ.get("DISTILLRUN_WEIGHTS", "/tmp/weights")) / "qwen-0.5b"

TEXTS = [
    ("Where do fish live?\nA. sea\nB. sky", "A"),
    ("Where do fish live?", "The answer is the sea.\nIt is wet."),
    ("  blanks at both ends \n", " blanks at both ends\n "),
    ("été, 鱼?", "été!"),
    ("", ""),
    ("12 + 12 = ", "24"),
]


def ids_of_conversation(
    tokenizer: PreTrainedTokenizerBase, question: str, reply: str, options: Mapping[str, Json]
) -> list[int]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    given: Any = {"date_string": "26 Jul 2024", **options}  # today, for templates that write it
    found: Any = tokenizer.apply_chat_template(turns, tokenize=True, **given)
    return list(found["input_ids"])


def read(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], **how: bool) -> str:
    return str(tokenizer.decode(list(ids), **how))


def assert_alike(tokenizer: PreTrainedTokenizerBase, options: Mapping[str, Json]) -> None:
    text = SegmentTokenizer(tokenizer, 512, 512, "\n", chat=read_format(tokenizer, options))
    for question, reply in TEXTS:
        target = text.target((Segment(reply),))
        ids = [*text.source((Segment(question),)), *target.ids]
        whole = ids_of_conversation(tokenizer, question, reply, options)
        assert ids == whole[: len(ids)], (question, reply)
        assert not read(tokenizer, whole[len(ids) :], skip_special_tokens=True).strip(), "blanks and special tokens"
        assert target.ids[-1] == text.eos
        assert all(target.learn)
        assert text.chat is not None
        assert text.reply(target.ids) == "".join(one.text for one in text.chat.reply((Segment(reply),)))


@pytest.mark.parametrize("family", [*FAMILIES, *WRITTEN_HERE])
@pytest.mark.parametrize("tokenizer", [byte_level, metaspace])
def test_source_and_target_are_the_whole_conversation(family: str, tokenizer: Any) -> None:
    assert_alike(tokenizer(template_of(family)), FAMILIES.get(family, {}))


@pytest.mark.skipif(not QWEN.is_dir(), reason="there are no real weights (DISTILLRUN_WEIGHTS)")
def test_the_tokens_of_a_real_instruct_model_are_those_of_its_template() -> None:
    tokenizer = AutoTokenizer.from_pretrained(QWEN)
    assert chat_format(QWEN, tokenizer, "auto", {}) is not None
    assert_alike(tokenizer, {})


@pytest.mark.parametrize(("family", "instruct"), [("qwen2_5", True), ("qwen2_5", False), ("gemma3", True)])
def test_a_template_is_used_by_a_model_whose_texts_end_with_its_turns(
    family: str, instruct: bool, tmp_path: Path
) -> None:
    """Qwen's base models have the template of the instruct ones in their tokenizers, and end at another token."""
    folder = write_chat(tmp_path, family, instruct)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert (chat_format(folder, tokenizer, "auto", {}) is not None) == instruct
    assert chat_format(folder, tokenizer, "always", {}) is not None
    assert chat_format(folder, tokenizer, "never", {}) is None


@pytest.mark.parametrize("trained_as_chat", [True, False])
def test_what_a_saved_model_was_trained_to_read_decides(trained_as_chat: bool, tmp_path: Path) -> None:
    folder = write_chat(tmp_path, instruct=not trained_as_chat)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    own = read_format(tokenizer, {}) if trained_as_chat else None
    note_format(tokenizer, own, folder)
    assert chat_format(folder, tokenizer, "auto", {}) == own


def test_a_template_that_is_not_there_or_cannot_be_used_is_named_with_the_cure(tmp_path: Path) -> None:
    tokenizer = byte_level("{{ raise_exception('no turns') }}")
    with pytest.raises(ConfigError, match=r"no turns.*set student\.chat=never"):
        chat_format(tmp_path, tokenizer, "auto", {})
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    with pytest.raises(ConfigError, match="once each"):
        chat_format(tmp_path, tokenizer, "always", {})
    tokenizer.chat_template = None
    assert chat_format(tmp_path, tokenizer, "auto", {}) is None
    with pytest.raises(ConfigError, match=r"teacher\.chat=always.*no chat template"):
        chat_format(tmp_path, tokenizer, "always", {}, "teacher")


def test_truncation_cuts_the_question_and_never_the_turns() -> None:
    tokenizer = byte_level(template_of("gemma3"))
    whole = SegmentTokenizer(tokenizer, 512, 512, "\n", chat=read_format(tokenizer, {}))
    question = (Segment("Story: " + "word " * 40, cut=True), Segment("\nWhere do fish live?"))
    length = len(whole.source(question))
    cut = SegmentTokenizer(tokenizer, length - 30, 512, "\n", chat=read_format(tokenizer, {})).source(question)
    assert len(cut) == length - 30
    text = read(tokenizer, cut)
    assert text.startswith("<s><start_of_turn>user\nStory: word")
    assert text.endswith("\nWhere do fish live?<end_of_turn>\n<start_of_turn>model\n")


def test_what_is_not_learnt_of_a_reply_stays_so_behind_a_lead() -> None:
    tokenizer = byte_level(template_of("mistral"))
    text = SegmentTokenizer(tokenizer, 512, 512, "\n", chat=read_format(tokenizer, {}))
    target = text.target((Segment("[answer]", learn=False), Segment(" sea")))
    words = [read(tokenizer, [token]) for token in target.ids]
    learnt = "".join(word for word, learn in zip(words, target.learn, strict=True) if learn)
    assert learnt == " sea</s>"
    assert "".join(words) == " [answer] sea</s>"


def test_a_blank_separator_is_the_beginning_of_the_target() -> None:
    """A causal tokenizer has a token for " sea", which it never writes behind a blank of its own."""
    tokenizer = byte_level("")
    text = SegmentTokenizer(tokenizer, 512, 512, " ")
    joint = tokenizer("The answer is A", add_special_tokens=False)["input_ids"]
    ids = [*text.source((Segment("The answer is"),)), *text.target((Segment("A"),)).ids[:-1]]
    assert ids == joint
    assert text.reply(text.target((Segment("A"),)).ids) == "A"
