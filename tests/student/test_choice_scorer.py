"""A scorer of choices cuts the question where it is told to, and never a choice."""

import logging
from dataclasses import replace

import pytest
from transformers import AutoTokenizer

from distillrun.errors import ConfigError
from distillrun.records import Segment, TargetPair
from distillrun.student.choice_scorer import ChoiceScorer
from tests.tiny_checkpoints import write_bert

QUESTION, CHOICE = "where is my card and when does it come?", "in a letter"
PAIR = TargetPair((Segment(QUESTION),), (Segment(CHOICE),), "check")


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> ChoiceScorer:
    return ChoiceScorer(write_bert(tmp_path_factory.mktemp("bert")), "main", 24, False)


def test_a_long_question_is_named_with_its_tokens_before_any_work(student: ChoiceScorer) -> None:
    tokens = len(AutoTokenizer.from_pretrained(student.checkpoint)(QUESTION, CHOICE)["input_ids"])
    (found,) = student.long_texts([PAIR])
    assert (found.index, found.tokens) == (0, tokens)
    assert f"set student.max_tokens={tokens} or more, or student.truncate=tail (or head)" in found.problem
    assert [one.problem for one in replace(student, truncate="tail").long_texts([PAIR])] == [""]
    assert replace(student, max_tokens=tokens).long_texts([PAIR]) == []


@pytest.mark.parametrize("side", ["tail", "head"])
def test_what_is_read_is_the_tokenizers_own_truncation_of_the_question_alone(
    student: ChoiceScorer, side: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(student.checkpoint, truncation_side="left" if side == "head" else "right")
    theirs = tokenizer(QUESTION, CHOICE, truncation="only_first", max_length=24)["input_ids"]
    model = replace(student, truncate=side).build(seed=0)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        assert model.choice_size(PAIR.source, [PAIR.target]) == (24, 0)
        assert model._encoded(QUESTION, CHOICE)["input_ids"] == theirs  # type: ignore[attr-defined]
    assert caplog.text.count("(said once)") == 1
    with pytest.raises(ConfigError, match=r"student\.max_tokens=24 is too small"):
        student.build(seed=0).choice_size(PAIR.source, [PAIR.target])
