"""The settings of text classifiers, and what is said before any work."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.interfaces import EmbeddingStudent, LabelStudent
from distillrun.records import Segment, TargetPair
from distillrun.student.text_classifier import TextClassifier
from distillrun.student.tiny_text_classifier import TinyTextClassifier
from tests.leaves import made
from tests.tiny_checkpoints import write_bert, write_gpt2, write_spiece_t5

LONG = [TargetPair((Segment("where is my card?"),), (), "check"), TargetPair((Segment("a"),), (), "check")]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_bert(tmp_path_factory.mktemp("bert"))


def student(folder: str, **changes: Any) -> TextClassifier:
    found = made("student", "text_classifier", **{"checkpoint": folder, "max_tokens": 100, **changes})
    assert isinstance(found, TextClassifier)
    assert isinstance(found, EmbeddingStudent)
    return found


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"max_tokens": 129}, "student.max_tokens=129 must be from 2 to the 128 positions"),
        ({"dropout": 1.0}, "student.dropout=1.0 must be from 0 to below 1"),
        ({"checkpoint": "/nowhere"}, "there is no such folder"),
    ],
)
def test_settings_that_cannot_be_are_named(bert: str, changes: dict[str, Any], problem: str) -> None:
    assert student(bert).check() == []
    (found,) = student(bert, **changes).check()
    assert problem in found


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    assert any("is an encoder-decoder" in one for one in student(write_spiece_t5(tmp_path)).check())


def test_long_texts_are_counted_or_refused(bert: str) -> None:
    (cut,) = student(bert, max_tokens=10).long_texts(LONG)
    assert (cut.index, cut.tokens, cut.setting, cut.problem) == (0, 16, "student.max_tokens=10", "")
    (refused,) = student(bert, max_tokens=10, truncate="refuse").long_texts(LONG)
    assert "student.max_tokens=16 or more, or student.truncate=tail (or head)" in refused.problem
    assert student(bert).long_texts(LONG) == []


def test_the_tiny_one_counts_what_it_cuts_and_may_refuse_it() -> None:
    tiny = made("student", "tiny_text_classifier", max_tokens=4)
    assert [one.problem for one in tiny.long_texts(LONG)] == [""]
    assert (
        "is too small"
        in made("student", "tiny_text_classifier", max_tokens=4, truncate="refuse").long_texts(LONG)[0].problem
    )


def test_a_decoder_stands_for_a_text_by_its_last_token_and_an_encoder_by_the_mean(bert: str, tmp_path: Path) -> None:
    assert student(bert).identity()["pooling"] == "mean"
    assert student(write_gpt2(tmp_path)).identity()["pooling"] == "last"


def test_a_folder_that_names_its_pooling_is_followed(tmp_path: Path) -> None:
    folder = write_bert(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    assert student(folder).embedding()["pooling"] == "cls"
    assert student(folder, pooling="mean").embedding()["pooling"] == "mean"


@pytest.mark.parametrize("name", ["text_classifier", "tiny_text_classifier"])
def test_labels_come_from_the_task(bert: str, name: str) -> None:
    settings = {"checkpoint": bert, "max_tokens": 100} if name == "text_classifier" else {}
    found = made("student", name, **settings)
    assert isinstance(found, LabelStudent)
    with pytest.raises(ConfigError, match="task=classification"):
        found.build(0)
    model = found.for_labels(["a", "b", "c", "d"]).build(0)
    assert model.choose([[Segment("x")]], [[[Segment(one)] for one in "abcd"]]).shape == (1, 4)


def test_the_seed_decides_fresh_weights_and_a_saved_student_is_read_back(tmp_path: Path) -> None:
    tiny = made("student", "tiny_text_classifier", width=16, feed_forward_width=16)
    assert isinstance(tiny, TinyTextClassifier)
    assert tiny.check() == []
    assert made("student", "tiny_text_classifier", max_tokens=1).check()
    labelled = tiny.for_labels(["a", "b"])
    asked: Any = ([[Segment("where?")]], [[[Segment("a")], [Segment("b")]]], 100)
    first, again, other = (labelled.build(seed).score(*asked) for seed in (0, 0, 1))
    assert first == again != other
    model = labelled.build(0)
    model.save(tmp_path)
    assert tiny.load(tmp_path).score(*asked) == first
    encoder: torch.nn.Module = model.module.get_submodule("encoder")
    assert tiny.weights() == sum(weight.numel() for weight in encoder.parameters())
