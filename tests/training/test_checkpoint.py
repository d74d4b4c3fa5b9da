"""Checkpoints: whole or not there, and a broken one is noticed."""

from pathlib import Path

import pytest
import torch
from torch import nn

from distillrun.artifacts.sealed import sealing
from distillrun.errors import ConfigError
from distillrun.training.checkpoint import (
    OPTIMIZER,
    OWN,
    PROGRESS,
    WEIGHTS,
    Progress,
    checkpoints,
    load_best,
    resume,
    save_best,
    save_checkpoint,
)
from tests.damage import DAMAGES

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


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [WEIGHTS, OWN, OPTIMIZER, PROGRESS, "SHA256SUMS"])
def test_a_damaged_checkpoint_is_set_aside_and_nothing_of_it_is_loaded(
    name: str, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module, optimizer = trained(1)
    save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=5))
    DAMAGES[damage](tmp_path / "checkpoint-00000005" / name)
    fresh, fresh_optimizer = trained(0)
    before = weights(fresh)
    with caplog.at_level("WARNING", logger="distillrun"):
        assert resume(tmp_path, fresh, NOTHING, fresh_optimizer) == Progress()
    assert "set aside" in caplog.text
    assert name == "SHA256SUMS" or name in caplog.text
    assert torch.equal(weights(fresh), before)
    assert not fresh_optimizer.state
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000005.damaged"]
    save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=5))
    assert resume(tmp_path, fresh, NOTHING, fresh_optimizer).step == 5


def test_a_checkpoint_without_its_best_weights_is_not_gone_on_from(tmp_path: Path) -> None:
    module, optimizer = trained(1)
    for damage in DAMAGES.values():
        save_best(tmp_path, 3, module)
        save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=5, best_step=3))
        assert resume(tmp_path, *_fresh(), keeps_best=True).step == 5
        damage(tmp_path / "best-00000003" / WEIGHTS)
        assert resume(tmp_path, *_fresh(), keeps_best=True).step == 0
        save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=5, best_step=3))
        assert resume(tmp_path, *_fresh(), keeps_best=False).step == 5


def _fresh() -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    module, optimizer = trained(0)
    return module, NOTHING, optimizer


def test_weights_that_were_damaged_before_the_training_ends_are_not_taken(tmp_path: Path) -> None:
    module, _ = trained(1)
    save_best(tmp_path, 3, module)
    DAMAGES["flipped"](tmp_path / "best-00000003" / WEIGHTS)
    with pytest.raises(ConfigError, match="the same command trains it again"):
        load_best(tmp_path, 3, module)


def test_a_half_written_checkpoint_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.part").mkdir()
    module, optimizer = trained(0)
    assert resume(tmp_path, module, NOTHING, optimizer) == Progress()


@pytest.mark.parametrize("other", [nn.Sequential(nn.Linear(3, 4)), nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))])
def test_the_checkpoint_of_another_student_is_set_aside(
    other: nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    module, optimizer = trained(1)
    save_checkpoint(tmp_path, module, NOTHING, optimizer, Progress(step=5))
    before = weights(other)
    with caplog.at_level("WARNING", logger="distillrun"):
        assert resume(tmp_path, other, NOTHING, torch.optim.AdamW(other.parameters())).step == 0
    assert "another student" in caplog.text
    assert torch.equal(weights(other), before)


def test_the_progress_of_another_version_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with sealing(tmp_path / "checkpoint-00000005") as part:
        (part / PROGRESS).write_text('{"step": 5, "stepped": 7}')
    with caplog.at_level("WARNING", logger="distillrun"):
        assert resume(tmp_path, *_fresh()).step == 0
    assert "stepped" in caplog.text
