"""What an interrupted training resumes from: weights, optimizer state and progress. No pickles."""

import hashlib
import json
import logging
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from distillrun.records import Json

log = logging.getLogger("distillrun")


@dataclass(slots=True)
class Progress:
    """How far a training has come.

    Attributes:
        step: optimizer steps done.
        best_step, best_accuracy: of the best dev check so far; `best_step` 0 = none yet.
        stale_checks: dev checks since then without gain.
        target_tokens: learnt tokens seen.
        real_tokens, padded_tokens: source + target tokens computed, without and with padding.
        seconds: training time over all sittings.
        sampling_seconds: of it, what the objective took to sample.
        finished: stopped early, nothing left to do.
        objective: what the objective remembers.
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


def trained_weights(module: nn.Module) -> dict[str, Tensor]:
    """Return the weights that training changes, by name; tied weights once."""
    return {name: weight.detach() for name, weight in module.named_parameters() if weight.requires_grad}


def save_weights(module: nn.Module, file: Path) -> None:
    """Write the trained weights; the file is there whole or not at all."""
    part = file.with_name(file.name + ".part")
    save_file({name: weight.cpu().contiguous() for name, weight in trained_weights(module).items()}, part)
    part.rename(file)


@torch.no_grad()
def load_weights(module: nn.Module, file: Path) -> None:
    """Copy weights that `save_weights` wrote into the module. Raises ValueError if they are of another student."""
    stored, own = load_file(file), trained_weights(module)
    if stored.keys() != own.keys():
        raise ValueError(f"{file} holds the weights of another student; delete it to start anew")
    for name, weight in own.items():
        weight.copy_(stored[name])


def save_checkpoint(
    folder: Path, module: nn.Module, own: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write a resumable checkpoint and drop the older ones; it counts once it bears its final name.

    Args:
        folder: where checkpoints live.
        module: the student.
        own: what the objective trains beside it.
        optimizer: of both.
        progress: how far the training has come.
    """
    target = folder / f"checkpoint-{progress.step:08d}"
    part = folder / "checkpoint.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    save_weights(module, part / "weights.safetensors")
    save_weights(own, part / "objective.safetensors")
    save_file(_optimizer_tensors(module, own, optimizer), part / "optimizer.safetensors")
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(part.glob("*.safetensors"))}
    (part / "progress.json").write_text(json.dumps({"progress": asdict(progress), "digests": digests}))
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    for older in checkpoints(folder)[:-1]:
        shutil.rmtree(older)


def checkpoints(folder: Path) -> list[Path]:
    """Return the complete checkpoints of a folder, the oldest first."""
    return sorted(path for path in folder.glob("checkpoint-*") if path.is_dir())


def resume(folder: Path, module: nn.Module, own: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Load the newest sound checkpoint and return its progress, or a fresh one; arguments as in `save_checkpoint`."""
    for path in reversed(checkpoints(folder)):
        stored = json.loads((path / "progress.json").read_text())
        broken = [
            name
            for name, digest in stored["digests"].items()
            if not (path / name).is_file() or hashlib.sha256((path / name).read_bytes()).hexdigest() != digest
        ]
        if broken:
            log.warning("checkpoint %s is broken (%s) and is left out", path, ", ".join(broken))
            continue
        load_weights(module, path / "weights.safetensors")
        load_weights(own, path / "objective.safetensors")
        _load_optimizer(module, own, optimizer, load_file(path / "optimizer.safetensors"))
        return Progress(**stored["progress"])
    return Progress()


def _named(module: nn.Module, own: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights of student and objective by names that tell them apart."""
    return dict(module.named_parameters()) | {f"objective:{name}": weight for name, weight in own.named_parameters()}


def _optimizer_tensors(module: nn.Module, own: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    names = {id(weight): name for name, weight in _named(module, own).items()}
    return {
        f"{names[id(weight)]}|{key}": value.detach().cpu().contiguous()
        for weight, state in optimizer.state.items()
        for key, value in state.items()
    }


def _load_optimizer(
    module: nn.Module, own: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]
) -> None:
    weights = _named(module, own)
    for name, value in tensors.items():
        weight_name, key = name.rsplit("|", 1)
        weight = weights[weight_name]
        place = value if key == "step" else value.to(weight.device)
        optimizer.state[weight][key] = place
