"""The checkpoint that an interrupted training resumes from: weights, optimizer state and progress. No pickles."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from distillrun.artifacts.sealed import is_sealed, sealing, set_aside
from distillrun.errors import ConfigError
from distillrun.files.json import read_json, write_json
from distillrun.records import Json
from distillrun.training.optimizer import Optimizer

WEIGHTS, OWN, OPTIMIZER, NUMBERS, PROGRESS = (
    "weights.safetensors",
    "objective.safetensors",
    "optimizer.safetensors",
    "optimizer.json",
    "progress.json",
)


@dataclass(slots=True)
class Progress:
    """The progress of a training.

    Attributes:
        step: optimizer steps done.
        best_step, best_accuracy: of the best dev check so far; `best_step` 0 = none yet.
        stale_checks: dev checks since then without gain.
        target_tokens: learnt tokens seen.
        real_tokens, padded_tokens: source + target tokens computed, without and with padding.
        seconds: training time over all sittings.
        sampling_seconds: of it, what the objective took to sample.
        finished: stopped early, nothing left to do.
        dev: the dev accuracy that goes with the kept weights.
        objective: what the objective remembers.
        metrics: all that was reported, each with its step, but for the speed, which differs from time to time.
        speed: tokens per second and memory, each with its step.
        sums, summed_steps: of the metrics since the last report.
    """

    step: int = 0
    best_step: int = 0
    best_accuracy: float = -1.0
    stale_checks: int = 0
    target_tokens: int = 0
    real_tokens: int = 0
    padded_tokens: int = 0
    seconds: float = 0.0
    sampling_seconds: float = 0.0
    finished: bool = False
    dev: dict[str, float] = field(default_factory=dict)
    objective: dict[str, Json] = field(default_factory=dict)
    metrics: list[dict[str, float]] = field(default_factory=list)
    speed: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    summed_steps: int = 0


def trained_weights(module: nn.Module) -> dict[str, Tensor]:
    """Return the weights that training changes, by name; tied weights once."""
    return {name: weight.detach() for name, weight in module.named_parameters() if weight.requires_grad}


def save_best(folder: Path, step: int, module: nn.Module) -> None:
    """Keep the weights of the best dev check so far."""
    weights = trained_weights(module)
    with sealing(_best(folder, step), _size(weights)) as part:
        _save(weights, part / WEIGHTS)


def load_best(folder: Path, step: int, module: nn.Module) -> None:
    """Copy the weights of the best dev check into the module."""
    if not is_sealed(_best(folder, step)):
        raise ConfigError(
            f"{_best(folder, step)} was damaged while the student trained; the same command trains it again"
        )
    _copy(load_file(_best(folder, step) / WEIGHTS), trained_weights(module))


def save_checkpoint(folder: Path, module: nn.Module, own: nn.Module, optimizer: Optimizer, progress: Progress) -> None:
    """Write a resumable checkpoint, and drop older ones and the weights that were the best before.

    Args:
        folder: where checkpoints live.
        module: the student.
        own: modules of the objective that are trained too.
        optimizer: of both.
        progress: how far the training has come.
    """
    tensors = {WEIGHTS: trained_weights(module), OWN: trained_weights(own)}
    state = _optimizer_state(module, own, optimizer)
    tensors[OPTIMIZER] = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    numbers = {key: value for key, value in state.items() if not isinstance(value, Tensor)}
    with sealing(folder / f"checkpoint-{progress.step:08d}", sum(map(_size, tensors.values()))) as part:
        for name, held in tensors.items():
            _save(held, part / name)
        if numbers:
            write_json(part / NUMBERS, numbers)
        (part / PROGRESS).write_text(json.dumps(asdict(progress)), encoding="utf-8")
    for older in checkpoints(folder)[:-1]:
        shutil.rmtree(older)
    for best in folder.glob("best-*"):
        if best != _best(folder, progress.best_step):
            shutil.rmtree(best)


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder that bear their final name, the oldest first."""
    return sorted(path for path in folder.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d{8}", path.name))


def resume(folder: Path, module: nn.Module, own: nn.Module, optimizer: Optimizer, keeps_best: bool = False) -> Progress:
    """Load the newest checkpoint that is intact and return its progress, or a fresh one.

    One that cannot is set aside, and nothing of it is loaded.

    Args:
        folder, module, own, optimizer: as in `save_checkpoint`.
        keeps_best: whether the weights of the best dev check have to be there, too.
    """
    for path in reversed(checkpoints(folder)):
        if not is_sealed(path):
            continue
        try:
            progress = Progress(**json.loads((path / PROGRESS).read_text(encoding="utf-8")))
            if keeps_best and progress.best_step and not is_sealed(_best(folder, progress.best_step)):
                raise ValueError("the weights of its best dev check are gone")
            _load(path, module, own, optimizer)
        except (ValueError, TypeError) as error:
            set_aside(path, str(error))
            continue
        return progress
    return Progress()


def _best(folder: Path, step: int) -> Path:
    return folder / f"best-{step:08d}"


def _size(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())


def _save(tensors: Mapping[str, Tensor], file: Path) -> None:
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, file)


def _load(path: Path, module: nn.Module, own: nn.Module, optimizer: Optimizer) -> None:
    """Load the tensors of a checkpoint, all or none. Raises ValueError where they are those of another student."""
    stored = {name: load_file(path / name) for name in (WEIGHTS, OWN, OPTIMIZER)}
    targets = {WEIGHTS: trained_weights(module), OWN: trained_weights(own)}
    for name, weights in targets.items():
        _check(stored[name], weights)
    known = _named(module, own)
    numbers = read_json(path / NUMBERS) if (path / NUMBERS).is_file() else {}
    if not {name.rpartition("|")[0] for name in (*stored[OPTIMIZER], *numbers)} <= known.keys():
        raise ValueError("it holds the optimizer of another student")
    for name, weights in targets.items():
        _copy(stored[name], weights)
    for name, value in stored[OPTIMIZER].items():
        weight_name, _, key = name.rpartition("|")
        weight = known[weight_name]
        optimizer.state[weight][key] = value if key == "step" else value.to(weight.device)
    for name, number in numbers.items():
        weight_name, _, key = name.rpartition("|")
        optimizer.state[known[weight_name]][key] = number


def _check(stored: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    shapes = [{name: tuple(weight.shape) for name, weight in one.items()} for one in (stored, weights)]
    if shapes[0] != shapes[1]:
        raise ValueError("it holds the weights of another student")


@torch.no_grad()
def _copy(stored: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    _check(stored, weights)
    for name, weight in weights.items():
        weight.copy_(stored[name])


def _named(module: nn.Module, own: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights of student and objective by names that tell them apart."""
    return dict(module.named_parameters()) | {f"objective:{name}": weight for name, weight in own.named_parameters()}


def _optimizer_state(module: nn.Module, own: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Return what an optimizer remembers, tensors and numbers, by the name of its weight and its own."""
    names = {id(weight): name for name, weight in _named(module, own).items()}
    return {
        f"{names[id(weight)]}|{key}": value for weight, state in optimizer.state.items() for key, value in state.items()
    }
