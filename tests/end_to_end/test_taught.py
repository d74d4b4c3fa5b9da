"""Runs that learn from a white-box teacher: read once, shared, resumed, and refused before any cost."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.files.disk import size_text
from distillrun.pipeline.preflight_logits import stored_bytes
from distillrun.planning.making import make_plan
from distillrun.planning.text import plan_text
from distillrun.training.loop import Trainer
from tests.damage import DAMAGES
from tests.end_to_end.runs import experiment, run_scored, run_small, student_bytes
from tests.end_to_end.taught import words_for, write_teacher
from tests.leaves import made
from tests.tiny_checkpoints import write_bert, write_spiece_t5


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_teacher(tmp_path_factory.mktemp("teacher") / "run")


def cached(result: dict[str, Any], stage: str) -> bool:
    found: bool = result["stages"][stage]["cached"]
    return found


def test_the_teacher_is_read_once_for_all_rates_weights_and_seeds(teacher: Path, tmp_path: Path) -> None:
    words = [*words_for("forward_kl", teacher), "training.shuffle_choices=false", "until=train"]
    store = tmp_path / "store"
    first = run_small(tmp_path / "0", *words, store=store)
    assert not cached(first, "read_logits")
    changes = (
        "training.learning_rate=1e-3",
        "training.seed=1",
        "objective.cross_entropy_weight=0.2",
        "training.max_steps=3",
    )
    for number, change in enumerate(changes):
        again = run_small(tmp_path / f"again{number}", *words, change, store=store)
        assert cached(again, "read_logits"), change
        assert not cached(again, "train"), change
    other = run_small(tmp_path / "other", *words, "objective.top_k=8", store=store)
    assert not cached(other, "read_logits")


def test_a_sweep_over_divergences_reads_the_teacher_once_too(teacher: Path, tmp_path: Path) -> None:
    for number, objective in enumerate(("forward_kl", "reverse_kl", "jensen_shannon")):
        result = run_small(
            tmp_path / str(number), *words_for(objective, teacher), "until=train", store=tmp_path / "store"
        )
        assert cached(result, "read_logits") is (number > 0)


@pytest.mark.parametrize("top_k", ["8", "null"])
def test_a_stored_teacher_teaches_what_a_live_one_does(top_k: str, teacher: Path, tmp_path: Path) -> None:
    losses = []
    for where in ("stored", "live"):
        words = [
            *words_for("forward_kl", teacher),
            f"objective.teacher={where}",
            f"objective.top_k={top_k}",
            "until=train",
        ]
        run_small(tmp_path / where, *words, "objective.dtype=float32")
        lines = [json.loads(line) for line in (tmp_path / where / "metrics.jsonl").read_text().splitlines()]
        losses.append([line["train/loss"] for line in lines if "train/loss" in line])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_what_is_stored_is_said(teacher: Path, tmp_path: Path) -> None:
    result: Any = run_small(
        tmp_path / "run", *words_for("forward_kl", teacher), "until=read_logits", "objective.top_k=16"
    )
    read = result["logits"]
    assert read["top_k"] == 16
    assert 0 < read["mean_rest_mass"] < 1
    assert read["bytes"] < read["positions"] * (16 * 6 + 4) + 60 * read["pairs"] + 4096
    assert "train" not in result["stages"]


def test_the_replay_buffer_is_used_as_shipped(teacher: Path, tmp_path: Path) -> None:
    run_small(tmp_path / "run", *words_for("adaptive_off_policy", teacher), "objective.capacity=2", "until=train")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    told = [line for line in lines if "train/sampled_share" in line]
    assert all(line["train/threshold"] >= 0.2 for line in told)
    assert sum(line["train/sampled_share"] for line in told) > 0
    assert told[-1]["train/buffer"] == 2


STATEFUL = ("taid", "on_policy", "adaptive_off_policy", "hidden_state", "dual_space", "sum", "preference", "minillm")


@pytest.mark.parametrize("objective", STATEFUL)
def test_a_resumed_training_is_the_undisturbed_one(
    objective: str, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*words_for(objective, teacher), "until=train", "training.save_every=3", "training.eval_every=2"]
    if objective == "adaptive_off_policy":
        words.append("objective.threshold=0.7")
    run_small(tmp_path / "whole", *words)
    step = Trainer._step

    def dies(self: Trainer, number: int) -> float:
        if number == 4:
            raise RuntimeError("pulled the plug")
        return step(self, number)

    monkeypatch.setattr(Trainer, "_step", dies)
    with pytest.raises(RuntimeError, match="plug"):
        run_small(tmp_path / "killed", *words, store=tmp_path / "store")
    monkeypatch.setattr(Trainer, "_step", step)
    run_small(tmp_path / "resumed", *words, store=tmp_path / "store")
    assert student_bytes(tmp_path / "resumed") == student_bytes(tmp_path / "whole")
    metrics = [
        next(folder.glob("train/*/metrics.jsonl")).read_bytes()
        for folder in (tmp_path / "whole" / "store", tmp_path / "store")
    ]
    assert metrics[0] == metrics[1]


def test_a_reading_that_is_killed_goes_on(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distillrun.pipeline.stages.pair_reader import MemoryReader

    words = [*words_for("forward_kl", teacher), "until=read_logits"]
    monkeypatch.setattr(MemoryReader, "pairs_at_once", 5)
    run_small(tmp_path / "whole", *words)
    read, calls = MemoryReader.read_part, []

    def dies(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise RuntimeError("pulled the plug")
        return read(*arguments)

    monkeypatch.setattr(MemoryReader, "read_part", dies)
    with pytest.raises(RuntimeError, match="plug"):
        run_small(tmp_path / "killed", *words, store=tmp_path / "store")
    before = len(calls)
    result: Any = run_small(tmp_path / "resumed", *words, store=tmp_path / "store")
    assert len(calls) - before == -(-result["logits"]["pairs"] // 5) - 2
    parts = [
        {file.name: file.read_bytes() for file in sorted(folder.glob("read_logits/*/parts/*"))}
        for folder in (tmp_path / "whole" / "store", tmp_path / "store")
    ]
    assert parts[0] == parts[1]
    assert parts[0]


@pytest.mark.parametrize("damage", ["missing", "torn", "flipped"])
def test_what_a_reading_left_is_checked_before_it_is_gone_on_from(
    damage: str, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill, then a fault in what it left, then the same command; also after the last part was read."""
    from distillrun.pipeline.stages import read_logits
    from distillrun.pipeline.stages.pair_reader import MemoryReader

    words = [*words_for("forward_kl", teacher), "until=read_logits"]
    monkeypatch.setattr(MemoryReader, "pairs_at_once", 5)
    run_small(tmp_path / "whole", *words)
    summary = read_logits._summary

    def dies(*given: Any) -> None:
        raise RuntimeError("pulled the plug")

    monkeypatch.setattr(read_logits, "_summary", dies)
    with pytest.raises(RuntimeError, match="plug"):
        run_small(tmp_path / "killed", *words, store=tmp_path / "store")
    monkeypatch.setattr(read_logits, "_summary", summary)
    left = sorted((tmp_path / "store").glob("read_logits/*.partial/scratch/*/rows.safetensors"))
    DAMAGES[damage](left[1])
    read, calls = MemoryReader.read_part, []

    def reads(*given: Any) -> Any:
        calls.append(given)
        return read(*given)

    monkeypatch.setattr(MemoryReader, "read_part", reads)
    run_small(tmp_path / "resumed", *words, store=tmp_path / "store")
    assert len(calls) == 1, "only what was damaged is read again"
    assert "rows.safetensors has changed since it was written" in (tmp_path / "resumed" / "run.log").read_text()
    parts = [
        {file.name: file.read_bytes() for file in sorted(folder.glob("read_logits/*/parts/*"))}
        for folder in (tmp_path / "whole" / "store", tmp_path / "store")
    ]
    assert parts[0] == parts[1]
    assert len(parts[0]) == len(left)


def test_a_choice_scorer_learns_labels_and_the_teacher_s_choices(teacher: Path, tmp_path: Path) -> None:
    bert = write_bert(tmp_path / "bert", positions=400)
    for objective in ("label_only", "choice_distillation", "mixkd"):
        words = [word for word in words_for(objective, teacher) if not word.startswith("student=")]
        scorer = ["student=choice_scorer", f"student.checkpoint={bert}", "student.max_tokens=400"]
        result: Any = run_scored(tmp_path / objective, *words, *scorer, store=tmp_path / "store")
        assert result["scores"]["dev/accuracy"]["n"] > 0
        assert "test/likelihood_sum/accuracy" in result["scores"]


def refusal(tmp_path: Path, *words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        run_small(tmp_path / "run", *words)
    return str(caught.value)


def test_a_teacher_of_texts_alone_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, "objective=forward_kl")
    assert "objective=forward_kl needs a teacher whose distributions can be read, but teacher=scripted" in message
    assert "choice_distillation" in message


def test_what_is_wrong_with_the_second_teacher_is_said_of_the_second_teacher(tmp_path: Path) -> None:
    message = refusal(tmp_path, "objective=forward_kl", "teacher@logit_teacher=local")
    assert message.startswith("logit_teacher: teacher.checkpoint is not set")


def test_another_tokenizer_is_refused_where_ids_are_compared(tmp_path: Path) -> None:
    other = write_spiece_t5(tmp_path)
    words = ["teacher@logit_teacher=local", f"logit_teacher.checkpoint={other}", "until=train"]
    message = refusal(tmp_path, "objective=forward_kl", *words)
    assert "different tokenizers" in message
    assert "universal_logit or dual_space" in message


def test_a_scorer_is_refused_what_it_cannot_do(tmp_path: Path) -> None:
    bert = write_bert(tmp_path / "bert", positions=400)
    message = refusal(tmp_path, "objective=multitask", "student=choice_scorer", f"student.checkpoint={bert}")
    assert "objective=multitask trains on texts, and student=choice_scorer writes none" in message
    assert "evaluation.generated_answer reads texts" in message


def test_mixtures_need_an_encoder(teacher: Path, tmp_path: Path) -> None:
    words = [word for word in words_for("mixkd", teacher) if word != "student=tiny_t5"]
    assert "mixes what an encoder reads, and student=tiny_qwen has none" in refusal(tmp_path, *words)


def planned(store: Path, *words: str) -> dict[str, str]:
    plan = make_plan(experiment(store, *words))
    return {stage.name: stage.state for stage in plan.stages}


def test_a_plan_knows_the_reading_and_the_training_after_it(teacher: Path, tmp_path: Path) -> None:
    words, store = words_for("forward_kl", teacher), tmp_path / "store"
    before = planned(store, *words)
    assert (before["read_logits"], before["train"]) == ("to do", "to do")
    run_small(tmp_path / "run", *words, store=store)
    assert set(planned(store, *words).values()) == {"cached"}
    again = planned(store, *words, "training.learning_rate=1e-3")
    assert (again["read_logits"], again["train"]) == ("cached", "to do")


def test_a_plan_cannot_tell_the_reading_of_texts_that_are_not_there(teacher: Path, tmp_path: Path) -> None:
    words, store = words_for("sum", teacher), tmp_path / "store"
    assert planned(store, *words)["read_logits"] == "to do"
    run_small(tmp_path / "run", *words, "until=train", store=store)
    assert planned(store, *words, "until=train")["read_logits"] == "cached"


@pytest.mark.parametrize(("objective", "top_k", "shuffled"), [("forward_kl", 16, False), ("taid", None, True)])
def test_the_size_of_what_is_stored_is_foreseen(
    objective: str, top_k: int | None, shuffled: bool, teacher: Path, tmp_path: Path
) -> None:
    words = [*words_for(objective, teacher), f"objective.top_k={'null' if top_k is None else top_k}"]
    words += ["objective.teacher=stored", "training.max_steps=12", f"training.shuffle_choices={str(shuffled).lower()}"]
    foreseen = experiment(tmp_path / "store", *words)
    parts = foreseen.parts
    rest = (parts.student, parts.task, foreseen.examples["train"], foreseen.config.training)
    size = stored_bytes(parts.objective, *rest)
    result: Any = run_small(tmp_path / "run", *words, "until=read_logits", store=tmp_path / "store")
    assert size == pytest.approx(result["logits"]["bytes"], rel=0.15)
    assert stored_bytes(made("objective", "label_only"), *rest) == 0


def test_a_large_store_is_said_before_any_work(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="distillrun")
    stored = (*words_for("taid", teacher), "objective.teacher=stored")
    experiment(tmp_path / "store", *stored)
    assert "distributions" not in caplog.text
    monkeypatch.setattr("distillrun.pipeline.experiment.LARGE_BYTES", 100_000)
    experiment(tmp_path / "store", *words_for("taid", teacher))
    assert "distributions" not in caplog.text
    experiment(tmp_path / "store", *stored)
    assert "the teacher's distributions will take about" in caplog.text
    assert "objective.teacher=live" in caplog.text


def test_what_does_not_fit_the_disk_is_refused_before_any_work(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    words = [*words_for("forward_kl", teacher), "training.shuffle_choices=false"]
    whole = make_plan(experiment(store, *words))
    foreseen = next(stage.bytes for stage in whole.stages if stage.name == "read_logits")
    assert f"read_logits: stores about {size_text(foreseen)}" in plan_text(whole)
    monkeypatch.setattr("distillrun.pipeline.disk_room.free_bytes", lambda folder: foreseen - 1)
    with pytest.raises(ConfigError, match=r"GB free; say objective\.teacher=live") as refused:
        run_small(tmp_path / "run", *words, store=store)
    assert f"paths.store={store}" in str(refused.value)
    assert not store.exists()
    with pytest.raises(ConfigError, match="the teacher's distributions will take about"):
        make_plan(experiment(store, *words))
    for told in ("objective.teacher=live", "until=generate", "runtime.check_disk=false"):
        make_plan(experiment(store, *words, told))
    run_small(tmp_path / "again", *words, "until=read_logits", "runtime.check_disk=false", store=store)
    cached = make_plan(experiment(store, *words))
    assert all(stage.bytes == 0 for stage in cached.stages), "what is stored already needs no room"
