"""The optimizers of a training, and the rounding that lets short weights learn."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from distillrun.config.schema import OptimizerName, TrainingConfig
from distillrun.errors import install

Groups = Sequence[dict[str, Any]]
"""Weights under `params`, with the settings that they share."""


class Optimizer(Protocol):
    """What the training asks of an optimizer."""

    state: Any
    """Weight -> name -> tensor or number."""

    @property
    def param_groups(self) -> Any: ...

    def step(self) -> Any: ...

    def zero_grad(self) -> None: ...


def optimizer_problems(settings: TrainingConfig) -> list[str]:
    """Return which package an optimizer needs that is not here."""
    if settings.optimizer is OptimizerName.adamw_8bit and find_spec("bitsandbytes") is None:
        return [
            f"training.optimizer=adamw_8bit needs the package bitsandbytes; {install('quantization')}, or choose "
            "adafactor, whose state is small, too"
        ]
    return []


def make_optimizer(groups: Groups, settings: TrainingConfig) -> Optimizer:
    """Return the optimizer of the settings on groups of weights.

    Weights in bf16 are stepped in float32 and rounded at random, see `StochasticRounding`.
    """

    def make(own: Groups) -> Any:
        return _made(own, settings)

    short = any(weight.dtype is not torch.float32 for group in groups for weight in group["params"])
    made: Optimizer = StochasticRounding(groups, settings.learning_rate, make) if short else make(groups)
    return made


def _made(groups: Groups, settings: TrainingConfig) -> Any:
    rate, betas = settings.learning_rate, (settings.beta1, settings.beta2)
    if settings.optimizer is OptimizerName.adafactor:
        from transformers.optimization import Adafactor

        kind: Any = Adafactor
        return kind(groups, lr=rate, scale_parameter=False, relative_step=False, warmup_init=False)
    if settings.optimizer is OptimizerName.sgd:
        return torch.optim.SGD(groups, lr=rate, momentum=settings.beta1)
    if settings.optimizer is OptimizerName.adamw_8bit:
        from bitsandbytes.optim import AdamW8bit

        return AdamW8bit(groups, lr=rate, betas=betas, eps=settings.epsilon)
    return torch.optim.AdamW(groups, lr=rate, betas=betas, eps=settings.epsilon)


class StochasticRounding:
    """An optimizer of weights in bf16, which have 8 bits: most updates are smaller than the last of them.

    Each weight is stepped in float32, one tensor after the other, and goes up or down to a bf16 number with the odds
    that keep its mean. So small updates count in the mean, where rounding to the nearest would lose them, and no second
    copy of the weights is kept. The draws come from torch's global generator.

    Args:
        groups: of weights.
        rate: the learning rate to begin with.
        make: makes the optimizer that steps a tensor.

    Source: Zamirai et al. 2020, *Revisiting BFloat16 Training*, https://arxiv.org/abs/2010.06192.
    """

    def __init__(self, groups: Groups, rate: float, make: Callable[[Groups], Any]) -> None:
        self.param_groups = [{"lr": rate, **group} for group in groups]
        self.state: defaultdict[nn.Parameter, dict[str, Any]] = defaultdict(dict)
        self._make = make

    @torch.no_grad()
    def step(self) -> None:
        """Step every weight that has a gradient."""
        for group in self.param_groups:
            shared = {name: value for name, value in group.items() if name != "params"}
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                exact = nn.Parameter(weight.float(), requires_grad=True)
                exact.grad = weight.grad.float()
                inner = self._make([{"params": [exact], **shared}])
                if self.state[weight]:
                    inner.state[exact] = self.state[weight]
                inner.step()
                self.state[weight] = inner.state[exact]
                weight.copy_(rounded(exact) if weight.dtype is torch.bfloat16 else exact)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for weight in group["params"]:
                weight.grad = None


def rounded(exact: Tensor) -> Tensor:
    """Return float32 numbers as bf16, up or down at random so that the mean is kept."""
    bits = exact.detach().contiguous().view(torch.int32)
    noise = torch.randint(0, 1 << 16, bits.shape, dtype=torch.int32, device=bits.device)
    return ((bits + noise) & -65536).view(torch.float32).bfloat16()
