"""A teacher with another tokenizer on what the student writes: GOLD, on-policy with sorted probabilities."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.tensors import Count
from distillrun.objective.shared.aligned import aligned
from distillrun.records import Segment
from distillrun.training.supervision import LiveSupervision
from tests.end_to_end.runs import run_small
from tests.leaves import leaf, made
from tests.objective.test_on_policy import prepared, started
from tests.tiny_checkpoints import write_spiece_t5

VIEW = "predict/sampled"
GOLD = {"divergence": leaf("objective", "universal_logit"), "student_share": 1.0}


@pytest.fixture(scope="module")
def student() -> TransformerModel:
    model: TransformerModel = made("student", "tiny_qwen", dropout=0.0).build(seed=0)
    return model


def test_a_written_token_ends_where_its_text_ends(student: TransformerModel) -> None:
    text = student.text
    for said in ("the wide sea", "über 日本 — ok 🐟", ""):
        ids = (*text.tokenizer(said, add_special_tokens=False)["input_ids"], text.eos)
        ends = text.written_ends(ids)
        assert len(ends) == len(ids)
        assert list(ends) == sorted(ends)
        assert ends[-1] == len(text.reply(ids)) + 1
        given = text.target((Segment(said),))
        assert given.ids == ids
        assert ends == given.ends
    assert text.written_ends(ids[:-1]) == ends[:-1], "a text that was cut has no end"


def test_a_teacher_that_is_the_student_finds_no_distance_in_what_it_wrote(student: TransformerModel) -> None:
    """It reads the written texts again, with a tokenizer of its own that happens to be the same."""
    objective = started("on_policy", student, student, **GOLD)
    pairs = [
        replace(pair, written=student.text.target((Segment(said),)).ids)
        for pair, said in zip(prepared(objective, 3), ("the sea is wide", "日本 — ok", "a knife"), strict=True)
    ]
    batch = student.encode(pairs, range(len(pairs)))
    outputs = LiveSupervision(student, student, objective).with_teacher(student.forward(batch), pairs)
    found = aligned(outputs, {VIEW: Count(sum(len(pair.written) for pair in pairs), len(pairs))}, {VIEW: 1.0})
    assert found is not None
    assert found.weight.sum().item() == pytest.approx(1), "every token lies in a stretch"
    loss = objective.loss(outputs, {VIEW: Count(sum(len(pair.written) for pair in pairs), len(pairs))})
    assert loss.parts["universal_logit"].item() == pytest.approx(0, abs=1e-6)
    assert loss.total.item() == pytest.approx(0, abs=1e-6), "what it wrote is no label"


def test_another_tokenizer_follows_what_the_student_writes(tmp_path: Path) -> None:
    teacher = write_spiece_t5(tmp_path)
    words = [f"logit_teacher.checkpoint={teacher}", "objective.max_new_tokens=6", "until=train"]
    run_small(tmp_path / "run", "experiment=gold", *words)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    logged = [line for line in lines if "train/loss/universal_logit" in line]
    assert logged
    assert any(line["train/sampled_share"] > 0 for line in logged)
    assert all(line["train/loss/universal_logit"] > 0 for line in logged)


@pytest.mark.parametrize("name", ["speculative", "adaptive_off_policy"])
def test_what_compares_ids_says_what_its_divergence_must_be(name: str) -> None:
    with pytest.raises(ConfigError, match="must be a TokenDistillation, not a UniversalLogit"):
        made("objective", name, divergence=leaf("objective", "universal_logit"))
