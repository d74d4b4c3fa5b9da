"""An adapter that others trained is merged into the checkpoint that the user names, and nothing else of it counts."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from distillrun.errors import ConfigError
from distillrun.language_model.adapter import CONFIG, WEIGHTS, adapter_problems, merged
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.loading import Loading
from distillrun.language_model.teacher_model import load_teacher
from distillrun.student.checkpoint import Checkpoint
from tests.tiny_checkpoints import write_gpt2, write_llama

IDS = torch.tensor([[5, 9, 11, 30, 7]])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_llama(tmp_path_factory.mktemp("base")))


@pytest.fixture(scope="module", params=["plain", "rslora", "dora", "saved modules"])
def adapter(request: pytest.FixtureRequest, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter as PEFT saves it, which calls its base by a name on the Hub."""
    folder = tmp_path_factory.mktemp("adapter")
    extra: Any = {
        "rslora": {"use_rslora": True},
        "dora": {"use_dora": True},
        "saved modules": {"modules_to_save": ["lm_head"]},
    }
    module: Any = AutoModelForCausalLM.from_pretrained(base)
    wrapped = get_peft_model(
        module,
        LoraConfig(
            r=2,
            lora_alpha=8,
            target_modules=["q_proj", "down_proj"],
            task_type="CAUSAL_LM",
            **extra.get(request.param, {}),
        ),
    )
    torch.manual_seed(0)
    for weight in wrapped.parameters():
        if weight.requires_grad:
            weight.data.add_(0.1 * torch.randn_like(weight))
    wrapped.save_pretrained(str(folder))
    change(folder, base_model_name_or_path="somebody/else")
    return folder


def change(folder: Path, **settings: Any) -> None:
    file = folder / CONFIG
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def logits(module: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = module.eval()(input_ids=IDS).logits
    return found


def student(base: Path, adapter: Path | None) -> Checkpoint:
    return Checkpoint(str(base), "main", 40, 40, "\n", None, False, adapter=None if adapter is None else str(adapter))


def test_a_student_and_a_teacher_with_an_adapter_are_what_peft_loads(base: Path, adapter: Path) -> None:
    module: Any = AutoModelForCausalLM.from_pretrained(base)
    plain = logits(module)
    expected = logits(PeftModel.from_pretrained(module, adapter))
    assert not torch.allclose(expected, plain, atol=1e-3)
    one = student(base, adapter)
    assert one.check() == []
    assert torch.allclose(logits(one.build(0).module), expected, atol=1e-5)
    assert one.identity() != student(base, None).identity()
    taught = load_teacher(base, Loading("float32", "cpu", None, None, None, str(adapter)))
    assert torch.allclose(logits(taught), expected, atol=1e-5)


def copied(adapter: Path, folder: Path) -> Path:
    for name in (CONFIG, WEIGHTS):
        (folder / name).write_bytes((adapter / name).read_bytes())
    return folder


def test_nothing_but_the_shape_of_its_lora_is_taken_from_an_adapter(base: Path, adapter: Path, tmp_path: Path) -> None:
    module: Any = AutoModelForCausalLM.from_pretrained(base)
    expected = logits(PeftModel.from_pretrained(module, adapter))
    folder = copied(adapter, tmp_path)
    change(
        folder,
        auto_mapping={"base_model_class": "Mine", "parent_library": "antigravity"},
        megatron_config={"a": 1},
        megatron_core="antigravity",
        init_lora_weights="pissa",
    )
    assert torch.allclose(logits(student(base, folder).build(0).module), expected, atol=1e-5)


def test_what_cannot_be_merged_is_refused_with_the_cure(base: Path, adapter: Path, tmp_path: Path) -> None:
    def told(folder: Path) -> str:
        (problem,) = adapter_problems(folder, "student.adapter")
        assert problem.startswith(f"student.adapter={folder}")
        return problem

    assert "there is no such folder" in told(tmp_path / "nowhere")
    assert "no adapter_config.json" in told(tmp_path)
    folder = copied(adapter, tmp_path)
    assert adapter_problems(folder, "student.adapter") == []
    change(folder, peft_type="IA3")
    assert "holds IA3, and LORA alone" in told(folder)
    change(folder, peft_type="LORA", r="two")
    assert "r='two'" in told(folder)
    change(folder, r=2)
    (folder / WEIGHTS).unlink()
    (folder / "adapter_model.bin").write_bytes(b"pickle")
    assert "no adapter_model.safetensors" in told(folder)
    assert "student.adapter" in student(base, folder).check()[0]
    taught = Loading("auto", "cpu", None, "nf4", None, str(adapter)).problems()
    assert any("set one of the two to null" in one for one in taught)


def test_an_adapter_of_another_model_is_refused(adapter: Path, tmp_path: Path) -> None:
    other: Any = AutoModelForCausalLM.from_pretrained(write_gpt2(tmp_path))
    with pytest.raises(ConfigError, match="does not fit GPT2LMHeadModel"):
        merged(other, adapter, "student.adapter")


def test_a_folder_with_an_adapter_alone_says_which_settings_take_it(adapter: Path) -> None:
    (told,) = CheckpointReference(str(adapter), "main").problems()
    assert f"set student.adapter={adapter} and student.checkpoint to the model that it was trained on" in told
    assert "calls 'somebody/else'" in told
