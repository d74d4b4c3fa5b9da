"""A rate for fresh weights is refused where it would wipe out pretrained ones; what bears it is left alone."""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from distillrun.config.build import build_parts
from distillrun.config.compose import config_of
from distillrun.config.settings import digest
from distillrun.pipeline.preflight_training import rate_problems
from distillrun.pipeline.stages.train import training_stage
from tests.structure.disk import CONF

PRETRAINED = (
    "t5_small",
    "t5_base",
    "t5_large",
    "flan_t5_base",
    "qwen3_0_6b",
    "smollm2_135m",
    "warm_started",
    "choice_scorer",
)


LORA = "student.lora={rank: 8, alpha: 16, dropout: 0.0, target_modules: null}"
HEAD = ("task=classification", "objective=label_only", "evaluation=[choice_likelihood]", "student=text_classifier")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of 20 and of 1 million weights, as far as their headers say: the files are holes."""
    made = {}
    for name, width in (("large", 20_000), ("narrow", 1_000)):
        folder = tmp_path_factory.mktemp(name)
        (folder / "config.json").write_text("{}")
        header = {"weight": {"dtype": "F32", "shape": [1000, width], "data_offsets": [0, 4000 * width]}}
        text = json.dumps(header).encode()
        with (folder / "model.safetensors").open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(8 + len(text) + 4000 * width)
        made[name] = str(folder)
    return made


def problems(*words: str) -> list[str]:
    config = config_of(words)
    return rate_problems(config, build_parts(config).student)


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_pretrained_student_brings_a_rate_that_suits_it(name: str) -> None:
    config = config_of([f"student={name}"])
    assert config.selected["training"] == "finetune"
    assert 2e-5 <= config.training.learning_rate <= 5e-5
    assert config.training.warmup_steps > 0


def test_every_student_file_that_names_a_checkpoint_brings_a_preset() -> None:
    files = [file for file in (CONF / "student").glob("*.yaml") if "\ncheckpoint:" in file.read_text()]
    assert {file.stem for file in files} == {*PRETRAINED, "text_classifier"}
    assert all("override /training@_global_.training:" in file.read_text() for file in files)


@pytest.mark.parametrize(
    ("words", "preset"),
    [
        (["student=t5_base", "training=paper"], "paper"),
        (["experiment=paper/mt", "student=qwen3_0_6b"], "paper"),
        (["experiment=banking77"], "linear_probe"),
        (["student=text_classifier"], "linear_probe"),
        (["student=tiny_t5"], "quick"),
    ],
)
def test_what_is_chosen_by_name_counts_more(words: Sequence[str], preset: str) -> None:
    assert config_of(words).selected["training"] == preset


def test_the_rate_of_fresh_weights_is_refused_with_the_cure(folders: dict[str, str]) -> None:
    student = ("student=t5_base", f"student.checkpoint={folders['large']}")
    (told,) = problems(*student, "training=quick")
    assert "training.learning_rate=0.003" in told
    assert "wipe out what student=t5_base was pretrained on" in told
    for cure in ("training=finetune", "training.learning_rate=3e-5", "training.pretrained_rate_limit=null"):
        assert re.search(re.escape(cure), told)
        assert problems(*student, *(["training=quick"] if "." in cure else []), cure) == []
    assert problems(*student) == []
    not_there = "student.checkpoint=owner/name"
    assert problems("student=t5_base", not_there, "training=quick"), "what is not downloaded yet is not small"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("large", ("student=t5_base", LORA)),
        ("large", HEAD),
        ("narrow", ("student=t5_base",)),
    ],
    ids=["adapters", "a head", "a narrow model"],
)
def test_adapters_heads_and_narrow_models_may_have_a_high_rate(
    name: str, words: Sequence[str], folders: dict[str, str]
) -> None:
    assert problems(*words, f"student.checkpoint={folders[name]}", "training=quick") == []


def test_a_classifier_whose_encoder_learns_may_not(folders: dict[str, str]) -> None:
    words = (*HEAD, f"student.checkpoint={folders['large']}", "student.freeze=false")
    assert problems(*words)
    assert problems(*words, "training=finetune") == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("student=t5_base", LORA), "training=lora"),
        ((*HEAD, "training=finetune"), "training=linear_probe"),
        (("training=finetune",), "training=quick"),
    ],
)
def test_a_rate_too_low_for_what_learns_is_told(
    words: Sequence[str], named: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert problems(*words) == []
        assert named in caplog.text
        caplog.clear()
        others = [word for word in words if not word.startswith("training=")]
        assert problems(*others, named) == []
    assert not caplog.text


def test_a_limit_changes_no_fingerprint_and_an_older_sweep_finds_its_jobs() -> None:
    config = config_of([])
    other = replace(config, training=replace(config.training, pretrained_rate_limit=None))
    stages = [training_stage({}, one.training, {}) for one in (config, other)]
    assert stages[0].config == stages[1].config
    assert digest(config) != digest(other)
