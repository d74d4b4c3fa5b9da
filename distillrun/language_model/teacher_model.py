"""A checkpoint as a teacher: loaded in the precision that its user wants, and never trained."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from distillrun.errors import ConfigError
from distillrun.language_model.adapter import merged
from distillrun.language_model.limits import positions_of
from distillrun.language_model.loading import Loading
from distillrun.language_model.weights import four_bits, load_weights, why
from distillrun.process.runtime import pick_device


def load_tokenizer(folder: Path, gguf_file: str | None, key: str = "teacher") -> PreTrainedTokenizerBase:
    """Return the tokenizer of the checkpoint of a config group. Raises ConfigError where it does not load."""
    extra = {} if gguf_file is None else {"gguf_file": gguf_file}
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **extra)
    except Exception as error:
        raise _broken(folder, error, key) from error
    return tokenizer


def load_teacher(folder: Path, loading: Loading, outline: bool = False) -> PreTrainedModel:
    """Return the model of a checkpoint in evaluation mode; no code of the checkpoint runs.

    Args:
        folder: of the checkpoint.
        loading: how it is brought into memory.
        outline: read the names and shapes of the weights alone, to see whether it would load.

    Raises:
        ConfigError: transformers cannot load the folder, or weights that the model needs are missing.
    """
    extra: dict[str, Any] = {} if loading.gguf_file is None else {"gguf_file": loading.gguf_file}
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, **extra)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        if loading.device_map is not None:
            extra["device_map"] = loading.device_map
        if loading.quantization is not None and not outline:
            dtype = {"float32": torch.float32, "float16": torch.float16}.get(loading.dtype, torch.bfloat16)
            extra["quantization_config"] = four_bits(loading.quantization, dtype)
        module, missing = load_weights(kind, folder, config, outline, loading.dtype, **extra)
    except Exception as error:  # what a broken file raises depends on its format and on transformers' version
        raise _broken(folder, error) from error
    if missing:
        raise ConfigError(
            f"teacher.checkpoint={folder} is missing {len(missing)} weights of {type(module).__name__} ({missing[0]}, "
            "...), so it cannot write text; copy or download it again, or choose a model that was trained to write"
        )
    if loading.device_map is None and loading.quantization is None and not outline:
        module.to(pick_device(loading.device, "teacher.device"))
    if loading.adapter is not None and not outline:
        module = merged(module, Path(loading.adapter).expanduser(), "teacher.adapter")
    made: PreTrainedModel = module.eval()
    return made


def longest_context(module: PreTrainedModel) -> int | None:
    """Return how many positions a model has, for source and text together or apart; None where it says nothing."""
    if module.config.is_encoder_decoder:
        return positions_of(module.config.to_dict())
    return positions_of(module.config.get_text_config(decoder=True).to_dict())


def _broken(folder: Path, error: Exception, key: str = "teacher") -> ConfigError:
    return ConfigError(f"{key}.checkpoint={folder} did not load ({why(error)}); choose another checkpoint")
