"""Optimizers resume where they stopped, and weights in bf16 learn from updates below their last bit."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers.optimization import Adafactor

from distillrun.config.compose import config_of
from distillrun.config.schema import OptimizerName, TrainingConfig
from distillrun.training.checkpoint import NUMBERS, OPTIMIZER, Progress, checkpoints, resume, save_checkpoint
from distillrun.training.optimizer import StochasticRounding, make_optimizer, optimizer_problems, rounded

NOTHING = nn.ModuleDict()
NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name is OptimizerName.adamw_8bit and find_spec("bitsandbytes") is None, reason="bitsandbytes"
        ),
    )
    for name in OptimizerName
]


def settings_of(name: OptimizerName, rate: float = 0.01) -> TrainingConfig:
    return config_of([f"training.optimizer={name}", f"training.learning_rate={rate}"]).training


def fresh(name: OptimizerName, dtype: torch.dtype) -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(64, 128), nn.Linear(128, 2)).to(dtype)  # 8-bit states begin at 4,096 weights
    return module, make_optimizer([{"params": list(module.parameters()), "weight_decay": 0.01}], settings_of(name))


def steps(module: nn.Module, optimizer: Any, begin: int, end: int) -> torch.Tensor:
    for step in range(begin, end):
        torch.manual_seed(step)
        module(torch.randn(4, 64).to(next(module.parameters()))).float().square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return torch.cat([weight.detach().flatten() for weight in module.parameters()])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_optimizer_takes_the_same_steps(name: OptimizerName, dtype: torch.dtype, tmp_path: Path) -> None:
    module, optimizer = fresh(name, dtype)
    start = torch.cat([weight.detach().flatten() for weight in module.parameters()])
    steps(module, optimizer, 0, 3)
    save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=3))
    (folder,) = checkpoints(tmp_path)
    held = {file.name for file in folder.iterdir()}
    assert all(name.endswith((".safetensors", ".json")) or name == "SHA256SUMS" for name in held)
    assert load_file(folder / OPTIMIZER)
    assert (NUMBERS in held) == (name in (OptimizerName.adafactor, OptimizerName.adamw_8bit))
    if NUMBERS in held:
        assert json.loads((folder / NUMBERS).read_text())["0.weight|step"] == 3
    other, its_optimizer = fresh(name, dtype)
    assert resume(tmp_path, other, NOTHING, its_optimizer).step == 3
    found, expected = steps(other, its_optimizer, 3, 6), steps(module, optimizer, 3, 6)
    assert torch.equal(found, expected)
    assert not torch.equal(found, start)


def test_adamw_and_adafactor_are_those_of_torch_and_transformers() -> None:
    kinds: dict[OptimizerName, tuple[Any, dict[str, Any]]] = {
        OptimizerName.adamw: (torch.optim.AdamW, {"betas": (0.9, 0.999), "eps": 1e-8}),
        OptimizerName.adafactor: (
            Adafactor,
            {"scale_parameter": False, "relative_step": False, "warmup_init": False},
        ),
    }
    for name, (kind, settings) in kinds.items():
        module, optimizer = fresh(name, torch.float32)
        other, _ = fresh(name, torch.float32)
        expected = kind([{"params": list(other.parameters()), "weight_decay": 0.01}], lr=0.01, **settings)
        assert torch.equal(steps(module, optimizer, 0, 3), steps(other, expected, 0, 3))


def test_rounding_goes_to_a_neighbour_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    exact = torch.tensor([1.0 + 2**-7 / 4, -3.3, 1e-30, 0.0, 1.0])
    drawn = torch.stack([rounded(exact).double() for _ in range(4000)])
    for place, value in enumerate(exact.tolist()):
        near = torch.tensor(value).bfloat16().double().item()
        assert (drawn[:, place] - value).abs().max() <= abs(value) * 2**-7
        assert near in drawn[:, place].tolist()
        assert len(set(drawn[:, place].tolist())) == (1 if near == value else 2)
    # 4,000 draws between neighbours one 2^-7 apart have a standard error below 2^-13
    assert torch.allclose(drawn.mean(dim=0), exact.double(), rtol=4 * 2**-13, atol=0)


def test_updates_below_the_last_bit_count_where_torch_alone_loses_them() -> None:
    weights = {name: nn.Parameter(torch.ones(1000, dtype=torch.bfloat16)) for name in ("rounded", "nearest")}
    settings = settings_of(OptimizerName.sgd, 1e-4)
    settings.beta1 = 0.0
    ours: Any = make_optimizer([{"params": [weights["rounded"]]}], settings)
    theirs: Any = torch.optim.SGD([weights["nearest"]], lr=1e-4)
    assert isinstance(ours, StochasticRounding)
    torch.manual_seed(0)
    for _ in range(1000):
        for weight, optimizer in zip(weights.values(), (ours, theirs), strict=True):
            weight.grad = torch.ones_like(weight)
            optimizer.step()
    assert torch.all(weights["nearest"] == 1)
    assert abs(weights["rounded"].double().mean().item() - 0.9) < 0.002


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="it is there")
def test_a_missing_package_is_told_before_any_work() -> None:
    (told,) = optimizer_problems(settings_of(OptimizerName.adamw_8bit))
    assert "training.optimizer=adamw_8bit needs the package bitsandbytes" in told
    assert 'pip install ".[quantization]"' in told
    assert optimizer_problems(settings_of(OptimizerName.adafactor)) == []
