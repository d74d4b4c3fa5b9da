"""Checkpoints that a run could not use are refused by name before any work; a teacher is asked nothing."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, CohereConfig, Gemma2Config, GraniteConfig

from distillrun.errors import ConfigError
from distillrun.language_model.head_check import head_problem
from distillrun.language_model.limits import Limits
from distillrun.language_model.load import load_model
from tests.end_to_end.runs import experiment, run_small
from tests.tiny_checkpoints import (
    write_bert,
    write_causal,
    write_gpt2,
    write_lfm2,
    write_llama,
    write_mamba,
    write_t5gemma,
)

LIMITS = ("student.max_source_tokens=64", "student.max_target_tokens=64")


def edit(file: Path, **settings: object) -> None:
    """Change settings of a JSON file; None takes one out."""
    found = {**json.loads(file.read_text()), **settings}
    file.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))


def reweigh(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


def without(part: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda weights: {name: weight for name, weight in weights.items() if part not in name}


def shard(folder: Path) -> None:
    names = list(load_file(folder / "model.safetensors"))
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    (folder / "model.safetensors").rename(folder / files[0])
    index = {"weight_map": {name: files[place % 2] for place, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def few_embeddings(folder: Path) -> None:
    """Leave a model of 50 tokens behind a tokenizer of more."""
    edit(folder / "config.json", vocab_size=50)
    reweigh(
        folder,
        lambda weights: {
            name: weight[:50].clone() if "embed" in name or "lm_head" in name else weight
            for name, weight in weights.items()
        },
    )


BREAKAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a shard is missing": (shard, r"has 1 of its weight files missing \(model-00002-of-00002\.safetensors"),
    "a weight is missing": (
        lambda folder: reweigh(folder, without("layers.1.mlp.down_proj")),
        r"is missing 1 weights of LlamaForCausalLM \(model\.layers\.1\.mlp\.down_proj\.weight",
    ),
    "a weight has another shape": (
        lambda folder: reweigh(folder, lambda weights: {**weights, "model.norm.weight": torch.zeros(7)}),
        "did not load",
    ),
    "the config asks for more layers": (lambda folder: edit(folder / "config.json", num_hidden_layers=3), "is missing"),
    "code of its own": (
        lambda folder: edit(folder / "config.json", model_type="mine", auto_map={"AutoConfig": "mine.Config"}),
        "its architecture is defined by code of its own, which is never run here|model type `mine`",
    ),
    "an unknown architecture": (lambda folder: edit(folder / "config.json", model_type="nowhere"), "did not load"),
    "too few embeddings": (
        few_embeddings,
        "tokens but the model embeds 50",
    ),
    "a broken tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{"), "did not load"),
}
NO_EOS = (lambda folder: edit(folder / "tokenizer_config.json", eos_token=None), "has no EOS token")
QUANTISED = (
    lambda folder: edit(folder / "config.json", quantization_config={"quant_method": "gptq", "bits": 4}),
    r"holds quantised weights \(gptq\), which cannot be trained",
)


@pytest.mark.parametrize("name", [*BREAKAGES, "no EOS", "quantised"])
def test_a_students_checkpoint_is_refused_before_the_teacher_is_asked(name: str, tmp_path: Path) -> None:
    breakage, reason = {**BREAKAGES, "no EOS": NO_EOS, "quantised": QUANTISED}[name]
    folder = tmp_path / "model"
    folder.mkdir()
    write_llama(folder)
    student = ("student=qwen3_0_6b", f"student.checkpoint={folder}", *LIMITS)
    experiment(tmp_path / "store", *student)
    breakage(folder)
    with pytest.raises(ConfigError, match=reason) as refused:
        experiment(tmp_path / "store", *student)
    assert f"student.checkpoint={folder}" in str(refused.value)
    assert not (tmp_path / "store").exists()
    # nothing of it concerns who only asks the teacher
    experiment(tmp_path / "store", *student, "until=generate")


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_local_teachers_checkpoint_is_refused_before_any_work(name: str, tmp_path: Path) -> None:
    breakage, reason = BREAKAGES[name]
    folder = tmp_path / "model"
    folder.mkdir()
    write_llama(folder)
    teacher = ("teacher=local", f"teacher.checkpoint={folder}", "generation=critique_revision", "until=generate")
    experiment(tmp_path / "store", *teacher)
    breakage(folder)
    if name == "too few embeddings":  # a prompt may do without the tokens that it does not embed
        return
    with pytest.raises(ConfigError, match=reason) as refused:
        experiment(tmp_path / "store", *teacher)
    assert f"teacher.checkpoint={folder}" in str(refused.value)


def test_adapters_for_layers_that_are_not_there_are_refused_before_any_work(tmp_path: Path) -> None:
    lora = "student.lora={rank: 2, alpha: 4, dropout: 0.0, target_modules: [nowhere]}"
    with pytest.raises(ConfigError, match="nowhere"):
        experiment(
            tmp_path / "store", "student=qwen3_0_6b", f"student.checkpoint={write_llama(tmp_path)}", *LIMITS, lora
        )


def test_an_encoder_with_missing_weights_starts_no_student(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_bert(folder)
    students = [
        (f"student.checkpoint={folder}", "student=warm_started", *LIMITS),
        (f"student.checkpoint={folder}", "student=choice_scorer", "student.max_tokens=100", "objective=label_only",
         "~evaluation.generated_answer", "evaluation=[choice_likelihood]"),
    ]  # fmt: skip
    reweigh(folder, without("layer.0.attention.self.query"))
    for student in students:
        with pytest.raises(ConfigError, match="is missing 2 weights of its encoder"):
            scored(tmp_path / "store", *student)


def scored(store: Path, *overrides: str) -> None:
    """Prepare an experiment whose rules may be any."""
    from distillrun.config.compose import config_of
    from distillrun.pipeline.experiment import prepare

    chosen = [override for override in overrides if not override.startswith("~")]
    prepare(config_of(["tracking=jsonl", "task.limit=24", f"paths.store={store}", *chosen]))


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
def test_names_that_a_wrapper_put_before_weights_are_read(prefix: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_llama(folder)
    plain = load_model(folder, Limits(32, 32, ""))
    reweigh(folder, lambda weights: {f"{prefix}{name}": weight for name, weight in weights.items()})
    wrapped = load_model(folder, Limits(32, 32, ""))
    expected = dict(plain.module.named_parameters())
    assert all(torch.equal(weight, expected[name]) for name, weight in wrapped.module.named_parameters())
    wrapped.save(tmp_path / "saved")
    assert sorted(load_file(tmp_path / "saved" / "model.safetensors")) == sorted(
        name.removeprefix(prefix) for name in load_file(folder / "model.safetensors")
    )


@pytest.mark.parametrize("write", [write_mamba, write_lfm2, write_t5gemma])
def test_recurrent_and_twofold_students_are_trained_and_scored(write: Callable[[Path], str], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    result = run_small(
        tmp_path / "run",
        "student=qwen3_0_6b",
        f"student.checkpoint={write(tmp_path / 'model')}",
        *LIMITS,
        "task.limit=6",
        "training.max_steps=2",
        "evaluation=[generated_answer,choice_likelihood]",
        "objective=label_only",
    )
    assert result["status"] == "done"


def test_base_and_instruct_checkpoints_are_a_pair_though_other_tokens_end_their_texts(tmp_path: Path) -> None:
    base, instruct = (tmp_path / "base", tmp_path / "instruct")
    for folder in (base, instruct):
        folder.mkdir()
        write_gpt2(folder)
    edit(instruct / "tokenizer_config.json", eos_token="<pad>")
    assert AutoTokenizer.from_pretrained(instruct).eos_token == "<pad>"
    pair = ("student=qwen3_0_6b", f"student.checkpoint={base}", *LIMITS, "teacher@logit_teacher=local")
    taught = ("objective=forward_kl", "objective@objective.texts=multitask")
    experiment(tmp_path / "store", *pair, *taught, f"logit_teacher.checkpoint={base}")
    experiment(tmp_path / "store", *pair, *taught, f"logit_teacher.checkpoint={instruct}")
    experiment(tmp_path / "store", *pair, "objective=universal_logit", f"logit_teacher.checkpoint={instruct}")


def test_a_logit_teacher_that_cannot_be_read_as_a_student_reads_is_refused(tmp_path: Path) -> None:
    write_gpt2(tmp_path)
    edit(tmp_path / "tokenizer_config.json", eos_token=None)
    with pytest.raises(ConfigError, match=re.escape(f"logit_teacher: the tokenizer of teacher.checkpoint={tmp_path}")):
        experiment(
            tmp_path / "store", "objective=forward_kl", "teacher@logit_teacher=local",
            f"logit_teacher.checkpoint={tmp_path}",
        )  # fmt: skip


ALTERED = {
    "granite": (GraniteConfig, {"logits_scaling": 8.0}),
    "cohere": (CohereConfig, {"logit_scale": 0.0625}),
    "gemma2": (Gemma2Config, {"final_logit_softcapping": 30.0}),
}


@pytest.mark.parametrize("name", [*ALTERED, "t5gemma"])
def test_dual_space_takes_a_head_whose_outputs_are_scaled_or_capped(name: str, tmp_path: Path) -> None:
    if name == "t5gemma":
        folder = write_t5gemma(tmp_path)
    else:
        config, settings = ALTERED[name]
        folder = write_causal(tmp_path, config, **settings)
    student = ("student=qwen3_0_6b", f"student.checkpoint={folder}", *LIMITS, "objective=dual_space")
    experiment(tmp_path / "store", *student, "teacher@logit_teacher=local", f"logit_teacher.checkpoint={folder}")


def test_a_head_that_is_not_all_that_makes_the_logits_is_noticed(tmp_path: Path) -> None:
    folder = Path(write_llama(tmp_path))
    assert head_problem(load_model(folder, Limits(32, 32, ""))) is None
    model = load_model(folder, Limits(32, 32, ""))

    def doubled(_module: Any, _inputs: Any, output: Any) -> Any:
        output.logits = 2 * output.logits
        return output

    model.module.register_forward_hook(doubled)
    assert head_problem(model) == "its logits and its head's output differ by up to 50% of the largest"


def questions(folder: Path) -> tuple[str, ...]:
    row = {"question": "Which?", "choices": ["red", "blue"], "answer": "red"}
    for split, count in (("train", 20), ("test", 4)):
        rows = ({**row, "id": f"{split}{n}", "question": f"Which {split} {n}?"} for n in range(count))
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return ("task=multiple_choice", f"task.folder={folder}", "objective=label_only")


def test_a_teacher_that_cannot_answer_the_task_is_refused_where_baselines_or_measures_ask_it(tmp_path: Path) -> None:
    ours = questions(tmp_path)
    experiment(tmp_path / "store", *ours)
    with pytest.raises(
        ConfigError, match=r"evaluation\.baselines=true asks teacher the test questions: teacher=scripted"
    ):
        experiment(tmp_path / "store", *ours, "evaluation.baselines=true")
    with pytest.raises(ConfigError, match="teacher=scripted knows the facts of task=everyday only"):
        experiment(tmp_path / "store", *ours, "evaluation=[generated_answer,rationale_swap]")
    with pytest.raises(ConfigError, match=r"teacher\.checkpoint is not set"):
        experiment(tmp_path / "store", *ours, "teacher=local", "evaluation.baselines=true")
