"""A trained choice scorer as a teacher."""

import math
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.records import Draw, Message, Prompt, Request, Sampling, Segment
from distillrun.student.choice_scorer import ChoiceScorer
from distillrun.teacher.choice_scorer import ChoiceScorerTeacher
from tests.asking import Unlimited
from tests.leaves import EXAMPLE, made
from tests.tiny_checkpoints import write_bert, write_llama

TEXTS = ["a knife", "water", "the sky"]


def teacher(checkpoint: str, **changes: Any) -> ChoiceScorerTeacher:
    found: ChoiceScorerTeacher = made("teacher", "choice_scorer", checkpoint=checkpoint, device="cpu", **changes)
    return found


def prompt(text: str) -> Prompt:
    return Prompt((Message("user", text),), Request("choices", EXAMPLE))


def test_it_scores_as_the_student_that_it_was(tmp_path: Path) -> None:
    ChoiceScorer(write_bert(tmp_path), "main", 128, False).build(seed=3).save(tmp_path / "student")
    folder = tmp_path / "student"
    student = ChoiceScorer(str(folder), "main", 128, False).load(folder)
    asked = ["what cuts bread?", "where do fish live, and why?"]
    expected = student.score(
        [(Segment(text),) for text in asked], [[(Segment(text),) for text in TEXTS]] * 2, tokens_per_batch=64
    )
    own = teacher(str(folder), max_tokens=128)
    found = dict(own.score([prompt(text) for text in asked], [TEXTS, TEXTS], Unlimited()))
    for row in (0, 1):
        assert [one.log_prob for one in found[row]] == pytest.approx([one.log_prob for one in expected[row]], abs=1e-5)
        assert math.fsum(math.exp(one.log_prob) for one in found[row]) == pytest.approx(1)
    other = student.score([(Segment(asked[0]),)], [[(Segment(text),) for text in reversed(TEXTS)]], 64)
    assert [one.log_prob for one in other[0]] == pytest.approx([one.log_prob for one in reversed(found[0])], abs=1e-5)


def test_it_writes_nothing_and_says_so(tmp_path: Path) -> None:
    own = teacher(write_bert(tmp_path), max_tokens=128)
    assert own.can == {"score"}
    with pytest.raises(ConfigError, match="scores choices and writes nothing"):
        own.complete([Draw(prompt("why?"), 0, 0)], Sampling(4, 0.0, 1.0, 1, ()), Unlimited())


def test_it_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "llama").mkdir()
    bert, llama = write_bert(tmp_path / "bert"), write_llama(tmp_path / "llama")
    assert teacher(bert, max_tokens=128).check(made("task", "everyday")) == []
    assert "not an encoder; choose teacher=local" in teacher(llama).check(made("task", "everyday"))[0]
    assert (
        "teacher.max_tokens=200 is more than the 128 positions"
        in teacher(bert, max_tokens=200).check(made("task", "everyday"))[0]
    )
    with pytest.raises(ConfigError, match=r"teacher\.max_tokens=8 is too small"):
        list(teacher(bert, max_tokens=8).score([prompt("a long question?")], [TEXTS], Unlimited()))
