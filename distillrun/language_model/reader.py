"""A module that is run up to its head, so that logits are made later, and only where they are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from distillrun.language_model.evaluating import evaluating
from distillrun.language_model.head import finished
from distillrun.loss.logits import Head, Logits

LARGE = 100.0
"""What the head's largest output is brought to, so that a cap shows that small logits would not reach."""

TOLERANCE = {torch.float32: 1e-4}
"""Largest difference that is rounding, as a share of the largest logit; of shorter types `COARSE`."""

COARSE = 2e-2


@dataclass(frozen=True, slots=True)
class Reader:
    """A module, and its head where it can be split off.

    Attributes:
        module: the whole, as training may have wrapped it.
        head: runs by itself; None: the module's own logits are taken.
    """

    module: nn.Module
    head: Head | None

    def read(self, **inputs: Any) -> tuple[Any, Logits]:
        """Run the module; return its output, whose logits are not to be used, and the logits.

        The module runs its head on one position alone; what stands before the head (T5 scales there) is run everywhere.
        """
        if self.head is None:
            output = self.module(**inputs)
            return output, Logits(output.logits)
        seen: list[tuple[Tensor, torch.dtype | None]] = []

        def keep(_module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            states = arguments[0]
            seen.append((states, autocast_type(states.device)))
            return (states[:1, -1:].detach(), *arguments[1:])

        handle = self.head.module.register_forward_pre_hook(keep)
        try:
            output = self.module(**inputs)
        finally:
            handle.remove()
        states, precision = seen[-1]
        return output, Logits(states, replace(self.head, precision=precision))


def autocast_type(device: torch.device) -> torch.dtype | None:
    """Return the type in which autocast runs matrix products here; None where it is off."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None


def head_of(module: Any) -> Head | None:
    """Return the head of a module, adapters included; None where it does not tell."""
    head = module.get_output_embeddings()
    return None if head is None else Head(head, int(head.weight.shape[0]), partial(finished, module))


def splits_at_head(module: nn.Module, head: Head, inputs: Mapping[str, Tensor]) -> bool:
    """Return whether a module's logits are what its head makes of what it reads.

    Some architectures scale the head's output (Granite, Cohere), cap it (Gemma 2) or add to it (Marian); others may do
    what `finished` does not know. The two are compared at one position, as it is and enlarged.

    Args:
        module: the whole.
        head: see `head_of`.
        inputs: any text.
    """
    seen: list[tuple[Tensor, torch.dtype | None]] = []

    def enlarge(own: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states = arguments[0][:1, -1:]
        scale = LARGE / max(own.forward(states).float().abs().max().item(), 1e-9)
        both = torch.cat([states, states * scale], dim=1)
        seen.append((both, autocast_type(both.device)))
        return (both, *arguments[1:])

    with evaluating(module):
        handle = head.module.register_forward_pre_hook(enlarge)
        try:
            found = module(**inputs, use_cache=False).logits.float()
        finally:
            handle.remove()
        if not seen:
            return False
        states, precision = seen[-1]
        logits = replace(head, precision=precision)(states)
    if found.shape != logits.shape:
        return False
    allowed = TOLERANCE.get(logits.dtype, COARSE) * logits.float().abs().amax(dim=-1, keepdim=True)
    return bool(((found - logits.float()).abs() <= allowed).all())
