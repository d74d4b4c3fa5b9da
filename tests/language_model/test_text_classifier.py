"""Texts as vectors and as one of many labels. Tiny encoders; the vectors are held against transformers' own states."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from distillrun.errors import ConfigError
from distillrun.interfaces import ChoiceModel
from distillrun.language_model.text_classifier import (
    TextClassifier,
    embedded,
    load_classifier,
    save_embeddings,
)
from distillrun.language_model.text_encoder import TextEncoder, load_encoder, pooling_of
from distillrun.records import Segment
from tests.tiny_checkpoints import write_bert, write_gpt2, write_llama

TEXTS = ["where is my card?", "it was stolen", "a", "what is the rate of exchange for the pound in france today?"]
LABELS = ["arrival", "lost", "rate"]
SOURCES = [[Segment(text)] for text in TEXTS]
ANSWERS = [[[Segment(label)] for label in LABELS]] * len(TEXTS)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=["bert", "gpt2", "llama"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    writers = {"bert": write_bert, "gpt2": write_gpt2, "llama": write_llama}
    return Path(writers[request.param](tmp_path_factory.mktemp(request.param)))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_bert(tmp_path_factory.mktemp("bert")))


def encoder(folder: Path, pooling: Any = "mean", max_tokens: int = 100, truncate: Any = "tail") -> TextEncoder:
    found = load_encoder(folder, pooling, max_tokens, truncate)
    found.module.eval()
    return found


def classifier(folder: Path, freeze: bool, tables: tuple[Path, ...] = ()) -> TextClassifier:
    torch.manual_seed(0)
    return TextClassifier(encoder(folder), LABELS, 0.0, freeze, tables)


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_a_vector_is_that_of_the_text_alone_at_any_place_of_a_batch(folder: Path, pooling: str) -> None:
    tokenizer, module = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        found = encoder(folder, pooling)(TEXTS)
        for text, vector in zip(TEXTS, found, strict=True):
            (states,) = module(**tokenizer(text, return_tensors="pt")).last_hidden_state
            pooled = {"mean": states.mean(dim=0), "cls": states[0], "last": states[-1]}[pooling]
            expected = math.sqrt(len(pooled)) * pooled / pooled.norm()
            assert torch.allclose(vector, expected, atol=1e-4)


@pytest.mark.parametrize(("truncate", "kept"), [("tail", "where is"), ("head", "my card?")])
def test_a_long_text_is_cut_where_the_setting_says(bert: Path, truncate: Literal["tail", "head"], kept: str) -> None:
    short = encoder(bert, max_tokens=len(kept.replace(" ", "")) + 2, truncate=truncate)
    with torch.no_grad():
        assert torch.allclose(short([TEXTS[0]]), encoder(bert)([kept]), atol=1e-5)


def test_a_long_text_is_refused_where_the_setting_says(bert: Path) -> None:
    with pytest.raises(ConfigError, match=r"student.max_tokens=4 is too small .* set student.max_tokens=16 or more"):
        encoder(bert, max_tokens=4, truncate="refuse")([TEXTS[0]])


@pytest.mark.parametrize(
    ("settings", "pooling"),
    [
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}, "last"),
        ({"word_embedding_dimension": 32, "pooling_mode": "mean"}, "mean"),
    ],
)
def test_the_pooling_is_that_of_sentence_transformers_files(tmp_path: Path, settings: Any, pooling: str) -> None:
    assert pooling_of(tmp_path) is None
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    assert pooling_of(tmp_path) == pooling


@pytest.mark.parametrize(
    "settings", [{"pooling_mode_max_tokens": True}, {"pooling_mode_weightedmean_tokens": True}, {}]
)
def test_a_pooling_that_is_not_known_is_refused(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ConfigError, match=r"set student\.pooling"):
        pooling_of(tmp_path)


@pytest.mark.parametrize("freeze", [True, False])
def test_scores_are_those_of_one_head_and_are_the_same_after_saving(folder: Path, tmp_path: Path, freeze: bool) -> None:
    model = classifier(folder, freeze)
    assert isinstance(model, ChoiceModel)
    scored = model.score(SOURCES, ANSWERS, 64)
    with torch.no_grad():
        expected = model.module.head(encoder(folder)(TEXTS)).log_softmax(dim=-1)  # type: ignore[operator]
    assert torch.allclose(torch.tensor([[one.log_prob for one in row] for row in scored]), expected, atol=1e-4)
    model.save(tmp_path)
    again = load_classifier(tmp_path, 100, "tail", 0.0, freeze, ())
    assert again.labels == tuple(LABELS)
    assert again.score(SOURCES, ANSWERS, 64) == scored
    assert AutoModel.from_pretrained(tmp_path).config.hidden_size == model.encoder.width()


@pytest.mark.parametrize(("freeze", "trained"), [(True, {"head.weight", "head.bias"}), (False, None)])
def test_a_frozen_encoder_is_not_trained(bert: Path, freeze: bool, trained: set[str] | None) -> None:
    model = classifier(bert, freeze)
    model.module.train()
    model.choose(SOURCES, ANSWERS).log_softmax(dim=-1)[:, 0].sum().backward()  # type: ignore[no-untyped-call]
    moved = {name for name, weight in model.module.named_parameters() if weight.grad is not None}
    assert moved == trained if trained else any(name.startswith("encoder.") for name in moved)
    assert model.encoder.module.training is not freeze


def test_vectors_that_were_stored_are_not_made_again(bert: Path, tmp_path: Path) -> None:
    strange = torch.full((1, 32), 3.0)
    save_embeddings(TEXTS[:1], strange, tmp_path)
    model = classifier(bert, True, (tmp_path,))
    with torch.no_grad():
        scores = model.choose(SOURCES, ANSWERS)
        assert torch.allclose(scores[:1], model.module.head(strange), atol=1e-5)  # type: ignore[operator]
        assert torch.allclose(scores[1:], classifier(bert, True).choose(SOURCES, ANSWERS)[1:], atol=1e-5)
    assert torch.allclose(embedded(encoder(bert), TEXTS, 30), encoder(bert)(TEXTS).detach(), atol=1e-5)


def test_a_question_with_choices_of_its_own_is_refused(bert: Path) -> None:
    with pytest.raises(ConfigError, match="has 3 labels, and a question has 2 choices"):
        classifier(bert, True).choose(SOURCES[:1], [[[Segment("yes")], [Segment("no")]]])


def test_a_folder_without_a_head_is_named(bert: Path) -> None:
    with pytest.raises(ConfigError, match="holds no text classifier"):
        load_classifier(bert, 100, "tail", 0.0, True, ())
