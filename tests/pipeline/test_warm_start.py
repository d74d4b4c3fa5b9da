"""A training that samples from its student can begin with one on texts, which other runs share."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from distillrun.artifacts import ArtifactStore
from distillrun.errors import ConfigError
from distillrun.language_model.lora import Lora
from distillrun.pipeline.graph import graph_of
from distillrun.pipeline.warm_start import Continued
from distillrun.student.checkpoint import Checkpoint
from distillrun.student.tiny import TinyQwen
from tests.end_to_end.runs import experiment, run_small
from tests.end_to_end.taught import words_for, write_teacher
from tests.tiny_checkpoints import write_llama

WARM = ("training.warm_start_steps=4", "training.warm_start_learning_rate=0.002", "until=train")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_teacher(tmp_path_factory.mktemp("teacher") / "run")


def cached(result: dict[str, Any]) -> dict[str, bool]:
    return {name: stage["cached"] for name, stage in result["stages"].items()}


def test_the_first_training_is_one_on_the_texts_and_is_shared(
    teacher: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, words = tmp_path / "store", [*words_for("minillm", teacher), "objective.max_new_tokens=null"]
    result: Any = run_small(tmp_path / "one", *words, *WARM, store=store)
    assert [name for name in result["stages"] if "train" in name or "warm" in name] == [
        "load/train",
        "warm_start",
        "train",
    ]
    lines = [json.loads(line) for line in (tmp_path / "one" / "metrics.jsonl").read_text().splitlines()]
    shares = [line["train/cut_share"] for line in lines if "train/cut_share" in line]
    assert shares
    assert all(0 <= share <= 1 for share in shares)
    mean = 100 * sum(shares) / len(shares)
    told = f"train: {mean:.1f} % of the texts sampled in a step were cut off"
    assert any(line.startswith(told) for line in caplog.messages) == (mean > 0)
    plain = ("objective=label_only", "training.max_steps=4", "training.learning_rate=0.002", "until=train")
    alone: Any = run_small(tmp_path / "two", *plain, store=store)
    assert cached(alone)["train"]
    assert alone["stages"]["train"]["fingerprint"] == result["stages"]["warm_start"]["fingerprint"]
    other: Any = run_small(tmp_path / "three", *words, *WARM, "training.learning_rate=0.0005", store=store)
    assert (cached(other)["warm_start"], cached(other)["train"]) == (True, False)
    cold = graph_of(experiment(store, *words, "until=train"), ArtifactStore(store))
    assert "warm_start" not in cold


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("training.warm_start_steps=4",), "objective=multitask has none; set it to 0"),
        (("training.warm_start_learning_rate=0.1",), "is read with training.warm_start_steps alone"),
        (("training.warm_start_steps=-1",), "training.warm_start_steps=-1 must be 0 or more"),
    ],
)
def test_a_first_training_that_cannot_be_is_refused(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        experiment(tmp_path / "store", *words)


def test_a_student_goes_on_from_what_was_saved_with_adapters_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    lora = Lora(rank=2, alpha=4, dropout=0.0, target_modules=None)
    base = Checkpoint(write_llama(tmp_path / "base"), "main", 40, 40, "\n", None, False)
    trained = base.build(0)
    for weight in trained.module.parameters():
        weight.data.mul_(1.5)
    trained.save(tmp_path / "saved")
    expected = dict(trained.module.state_dict())
    adapted: Any = Continued(Checkpoint(base.checkpoint, "main", 40, 40, "\n", lora, False), tmp_path / "saved").build(
        0
    )
    assert isinstance(adapted.module, PeftModel)
    found = adapted.module.get_base_model().state_dict()
    frozen = {name.replace(".base_layer", ""): weight for name, weight in found.items() if "lora_" not in name}
    assert all(torch.equal(frozen[name], weight) for name, weight in expected.items())
    tiny = TinyQwen(1, 16, 2, 16, 0.02, 0.0, 40, 40, separator="\n")
    tiny.build(5).save(tmp_path / "tiny")
    again: Any = Continued(tiny, tmp_path / "tiny").build(0)
    assert all(
        torch.equal(weight, dict(tiny.build(5).module.state_dict())[name])
        for name, weight in again.module.state_dict().items()
    )
