"""Adapters on 4-bit weights: they learn, and what is saved is the whole checkpoint with the adapters in it."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import LlamaConfig

from distillrun.language_model.lora import Lora
from distillrun.loss.token_loss import token_costs
from distillrun.records import Segment, TargetPair
from distillrun.student.checkpoint import Checkpoint
from tests.tiny_checkpoints import write_causal

LORA = Lora(rank=4, alpha=8, dropout=0.0, target_modules=("q_proj", "up_proj"))
PAIRS = [TargetPair((Segment("Where do fish live?"),), (Segment("The answer is the sea."),), "predict")]
WIDE = {"hidden_size": 64, "intermediate_size": 128, "head_dim": 32}  # bitsandbytes packs blocks of 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_causal(tmp_path_factory.mktemp("llama"), LlamaConfig, **WIDE)


def student(folder: str, lora: Lora | None, quantization: Any = "nf4") -> Checkpoint:
    return Checkpoint(folder, "main", 40, 40, "\n", lora, False, dtype="fp32", quantization=quantization)


def test_quantised_weights_need_adapters_and_their_package(folder: str) -> None:
    told = student(folder, None).check()
    assert any("student.quantization=nf4 holds weights that cannot be trained" in one for one in told)
    told = student(folder, LORA).check()
    assert any("needs the package bitsandbytes" in one for one in told) == (find_spec("bitsandbytes") is None)
    assert any("needs a GPU" in one for one in told) == (not torch.cuda.is_available())


def test_adapters_learn_on_four_bits_and_are_saved_in_the_whole_weights(folder: str, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    if not torch.cuda.is_available():
        pytest.skip("bitsandbytes trains on a GPU alone")
    model = student(folder, LORA).build(0)
    module: Any = model.module
    assert isinstance(module, PeftModel)
    base: Any = module.get_base_model()
    layer = base.model.layers[0].mlp.up_proj
    assert type(layer.base_layer).__name__ == "Linear4bit"
    batch = model.encode(PAIRS, [0])
    optimizer = torch.optim.AdamW([weight for weight in module.parameters() if weight.requires_grad], lr=0.02)
    costs = []
    for _ in range(8):
        cost: Any = token_costs(model.forward(batch).logits, batch.labels).sum()
        costs.append(cost.item())
        cost.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert costs[-1] < 0.95 * costs[0]
    model.save(tmp_path)
    whole: Any = student(folder, LORA, None).build(0)
    adapters = {name: weight for name, weight in module.state_dict().items() if "lora_" in name}
    whole.module.load_state_dict(adapters, strict=False)
    whole.save(tmp_path / "expected")
    found, expected = (student(folder, None, None).load(one) for one in (tmp_path, tmp_path / "expected"))
    for name, weight in found.module.state_dict().items():
        assert torch.equal(weight, expected.module.state_dict()[name])
    with torch.no_grad():
        saved = token_costs(found.forward(batch).logits, batch.labels).sum().item()
    assert saved == pytest.approx(costs[-1], abs=0.35 * costs[0]), "what four bits round away is little"
