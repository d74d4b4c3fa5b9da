"""The saved form of a model, which transformers' `from_pretrained` loads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from distillrun.files.json import read_json, write_json
from distillrun.language_model.lora import merged, merged_into
from distillrun.language_model.quiet import quiet

CONFIG_NAME = "config.json"


def save_model(
    module: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    dtype: torch.dtype | None = None,
    base: Callable[[], nn.Module] | None = None,
) -> None:
    """Write weights (safetensors), into which LoRA adapters are merged, config, generation config and tokenizer.

    Args:
        module, tokenizer: of the model.
        folder: where they go.
        dtype: of the weights that are written; None = as they are.
        base: loads the weights that adapters go into, where those in memory are quantised.
    """
    whole: Any = merged(module) if base is None else merged_into(base(), module)
    shortened = dtype is not None and dtype is not whole.dtype
    weights = {name: _cast(weight, dtype) for name, weight in whole.state_dict().items()} if shortened else None
    with quiet():
        whole.save_pretrained(folder, state_dict=weights)
    if shortened:  # transformers notes the type in memory
        config = read_json(folder / CONFIG_NAME)
        config["dtype"] = str(dtype).removeprefix("torch.")
        write_json(folder / CONFIG_NAME, config)
    tokenizer.save_pretrained(folder)


def _cast(weight: Tensor, dtype: torch.dtype | None) -> Tensor:
    return weight.to(dtype) if weight.is_floating_point() else weight
