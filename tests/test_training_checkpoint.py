"""Checkpoints: whole or not there, and a broken one is noticed."""

from pathlib import Path

import pytest
import torch
from torch import nn

from distillrun.training.checkpoint import Progress, checkpoints, load_weights, resume, save_checkpoint, save_weights

NOTHING = nn.ModuleDict()
"""What a text objective trains beside the student."""


def trained(steps: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a small model after some AdamW steps."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    for step in range(steps):
        train_step(module, optimizer, step)
    return module, optimizer


def train_step(module: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    optimizer.zero_grad()
    module(torch.full((1, 3), step + 1.0)).square().sum().backward()
    optimizer.step()


def weights(module: nn.Module) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in module.parameters()])


def test_a_resumed_optimizer_takes_the_same_steps(tmp_path: Path) -> None:
    module, optimizer = trained(5)
    save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=5, best_step=3, best_accuracy=0.5))
    fresh, fresh_optimizer = trained(0)
    progress = resume(tmp_path, fresh, NOTHING, fresh_optimizer)
    assert (progress.step, progress.best_step, progress.best_accuracy) == (5, 3, 0.5)
    for step in range(5, 9):
        train_step(module, optimizer, step)
        train_step(fresh, fresh_optimizer, step)
    assert torch.equal(weights(module), weights(fresh))


def test_only_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    module, optimizer = trained(1)
    for step in (5, 10, 15):
        save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=step))
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-00000015"]


def test_a_broken_checkpoint_is_noticed_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    module, optimizer = trained(1)
    save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=5))
    file = tmp_path / "checkpoint-00000005" / "optimizer.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    fresh, fresh_optimizer = trained(0)
    before = weights(fresh)
    with caplog.at_level("WARNING", logger="distillrun"):
        assert resume(tmp_path, fresh, NOTHING, fresh_optimizer).step == 0
    assert "optimizer.safetensors" in caplog.text
    assert torch.equal(weights(fresh), before)


def test_a_half_written_checkpoint_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.part").mkdir()
    module, optimizer = trained(0)
    assert resume(tmp_path, module, NOTHING, optimizer) == Progress()


def test_weights_of_another_student_are_refused(tmp_path: Path) -> None:
    save_weights(nn.Linear(2, 2), tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="another student"):
        load_weights(nn.Sequential(nn.Linear(2, 2)), tmp_path / "weights.safetensors")
