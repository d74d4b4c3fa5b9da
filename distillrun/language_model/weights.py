"""The weights of a checkpoint, or their names and shapes alone: the same loading finds the same faults, at no cost."""

import re
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedConfig

from distillrun.language_model.checkpoint_folder import has_weights
from distillrun.language_model.loading import Quantization
from distillrun.language_model.quiet import quiet
from distillrun.upstream import forget_renaming

WRAPPERS = r"^((_orig_mod|module)\.)+"
"""What torch.compile and DistributedDataParallel put before the names of weights that were saved with the wrapper."""


def why(error: Exception) -> str:
    """Return the reason for which transformers did not load a checkpoint, in words for its user."""
    if "trust_remote_code" in str(error):
        return "its architecture is defined by code of its own, which is never run here"
    return f"{type(error).__name__}: {error}"


def four_bits(quantization: Quantization, dtype: torch.dtype) -> Any:
    """Return transformers' settings for 4-bit weights that compute in a type."""
    from transformers import BitsAndBytesConfig

    kind: Any = BitsAndBytesConfig
    return kind(load_in_4bit=True, bnb_4bit_quant_type=quantization, bnb_4bit_compute_dtype=dtype)


def load_weights(
    kind: Any, folder: Path, config: PreTrainedConfig, outline: bool, dtype: torch.dtype | str, **extra: Any
) -> tuple[Any, list[str]]:
    """Return a module of a checkpoint, and the names of the weights that it needs and the checkpoint does not have.

    Weights are read from safetensors where there are any, otherwise from `.bin` files, which torch then unpickles
    without running what they hold.

    Args:
        kind: one of transformers' Auto classes.
        folder: of the checkpoint.
        config: read from the folder.
        outline: read names and shapes alone; the module stands on the meta device then. A folder without weights (of a
            Hub name that was not downloaded yet), quantised weights and a GGUF file are taken as whole.
        dtype: of the weights.
        extra: what else `from_pretrained` takes.
    """
    if outline and (
        not has_weights(folder) or extra.get("gguf_file") or getattr(config, "quantization_config", None) is not None
    ):
        with torch.device("meta"):
            return kind.from_config(config), []
    options = {"config": config, "dtype": dtype, "trust_remote_code": False, "weights_only": True, **extra}
    if outline:
        options["device_map"] = "meta"
    with quiet():
        module, info = kind.from_pretrained(folder, output_loading_info=True, **options)
        if any(re.match(WRAPPERS, name) for name in info["unexpected_keys"]):
            options["key_mapping"] = {WRAPPERS: ""}
            module, info = kind.from_pretrained(folder, output_loading_info=True, **options)
            forget_renaming(module, WRAPPERS)
    return module, sorted(info["missing_keys"])
