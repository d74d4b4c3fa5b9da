"""The number types of a student: those of its weights, and that of its arithmetic."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from distillrun.language_model.loading import WeightType, is_short


def weight_type(asked: WeightType, frozen: bool) -> torch.dtype:
    """Return the type in which weights are loaded; `frozen` says that training leaves them as they are."""
    return torch.bfloat16 if is_short(asked, frozen) else torch.float32


def stored_type(config: PreTrainedConfig) -> torch.dtype:
    """Return the type in which a checkpoint came, and in which what is trained of it is saved."""
    told = getattr(config, "dtype", None)
    known = told if isinstance(told, torch.dtype) else getattr(torch, str(told), None)
    return known if known in (torch.bfloat16, torch.float16) else torch.float32


@contextmanager
def in_bf16(*modules: nn.Module) -> Iterator[None]:
    """Let every transformers model in the modules compute in bf16 inside the block, wherever it is entered.

    Whether the whole is run or its encoder alone, what comes out is float32.
    """
    from accelerate.utils import convert_to_fp32

    inside = 0
    parts = [part for module in modules for part in module.modules() if isinstance(part, PreTrainedModel)]

    def cast(forward: Callable[..., Any], device: str) -> Callable[..., Any]:
        @wraps(forward)  # writing reads off the signature what a model takes
        def run(*args: Any, **settings: Any) -> Any:
            nonlocal inside
            inside += 1
            try:
                with torch.autocast(device, torch.bfloat16):
                    made = forward(*args, **settings)
            finally:
                inside -= 1
            return made if inside else convert_to_fp32(made)

        return run

    before = [vars(part).get("forward") for part in parts]
    for part in parts:
        part.forward = cast(part.forward, part.device.type)
    try:
        yield
    finally:
        for part, own in zip(parts, before, strict=True):
            del part.forward  # the one of its class counts again
            if own is not None:
                part.forward = own
