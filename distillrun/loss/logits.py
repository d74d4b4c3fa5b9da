"""The logits of a forward pass, made only where and when they are asked for.

A vocabulary is hundreds of times wider than what the head reads, so logits are by far the largest tensor of a
batch. What the head reads is kept instead; losses ask for the logits of a few learnt positions at a time.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Head:
    """The output head, which makes logits of a model's last states.

    Attributes:
        module: the output embeddings, adapters included.
        width: V, how many logits it makes.
        after: what the model does with the head's output (a scale, a cap, a bias), position by position; None: nothing.
        precision: the type in which autocast runs it; None: no autocast.
    """

    module: nn.Module
    width: int
    after: Callable[[Tensor], Tensor] | None = None
    precision: torch.dtype | None = None

    def __call__(self, states: Tensor) -> Tensor:
        """Return the logits [..., V] of states [..., D]."""
        with self.casting(states.device):
            return self.finished(self.module(states))

    def finished(self, output: Tensor) -> Tensor:
        """Return the logits that the module's output becomes."""
        return output if self.after is None else self.after(output)

    def casting(self, device: torch.device) -> AbstractContextManager[object]:
        """Return the autocast under which the model was run."""
        return nullcontext() if self.precision is None else torch.autocast(device.type, self.precision)

    def weights(self) -> list[Tensor]:
        """Return the weights that are trained."""
        return [weight for weight in self.module.parameters() if weight.requires_grad]


@dataclass(frozen=True, slots=True)
class Logits:
    """The logits [N, T, V] of N texts with T positions.

    Attributes:
        states: [N, T, D] what the head reads; without a head, the logits themselves.
        head: makes logits of states; None where the model cannot be split there.
    """

    states: Tensor
    head: Head | None = None

    @property
    def width(self) -> int:
        """V: how many ids there are."""
        return self.states.shape[-1] if self.head is None else self.head.width

    @property
    def dtype(self) -> torch.dtype:
        """The type in which losses compute: float32 or better."""
        return torch.promote_types(self.states.dtype, torch.float32)

    @property
    def device(self) -> torch.device:
        return self.states.device

    def at(self, places: Tensor) -> Tensor:
        """Return the logits of some positions, [P, V] of indices [P] into N * T, with gradient."""
        return self._of(self.states.flatten(0, 1)[places.to(self.device)])

    def dense(self) -> Tensor:
        """Return all logits, [N, T, V], with gradient."""
        return self._of(self.states)

    def _of(self, states: Tensor) -> Tensor:
        return states if self.head is None else self.head(states)

    def positions_at_once(self) -> int:
        """Return of how many positions the logits are made and worked on at once.

        Few enough that their temporaries are small against the head's weights, and enough that its matrix products run
        at full speed.
        """
        if self.head is None:
            return max(1, NUMBERS // self.width)
        numbers, least = (GPU_NUMBERS, GPU_LEAST) if self.device.type == "cuda" else (HEAD_NUMBERS, LEAST)
        return max(least, numbers // self.width)


NUMBERS = 1_000_000
"""Logits that are worked on at once where they are there already: some of them fit a cache."""

HEAD_NUMBERS, LEAST = 4_000_000, 128
"""Logits that are made at once on a CPU, and for how many positions at least."""

GPU_NUMBERS, GPU_LEAST = 64_000_000, 1024
"""The same on a GPU."""
