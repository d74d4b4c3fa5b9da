"""Checkpoint folders to language models."""

import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from distillrun.errors import ConfigError
from distillrun.language_model.caching import keeps_logits
from distillrun.language_model.decoder_only import DecoderOnly
from distillrun.language_model.encoder_decoder import EncoderDecoder
from distillrun.language_model.limits import Limits
from distillrun.language_model.quiet import quiet
from distillrun.language_model.text import SegmentTokenizer
from distillrun.language_model.transformer import Architecture, TransformerModel


def load_model(folder: Path, limits: Limits) -> TransformerModel:
    """Return the language model of a checkpoint folder, float32, on the CPU; no code of the checkpoint runs.

    Weights are read from safetensors where there are any, otherwise from `.bin` files, which torch then unpickles
    without running what they hold.

    Raises:
        ConfigError: transformers cannot load the folder, or it lacks weights that the model needs.
    """
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        with quiet():
            module, info = kind.from_pretrained(
                folder, dtype=torch.float32, trust_remote_code=False, weights_only=True, output_loading_info=True
            )
    except Exception as error:  # what a broken file raises depends on its format and on transformers' version
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"the checkpoint in {folder} did not load ({reason}); choose another checkpoint") from error
    lacking = sorted(info["missing_keys"])
    if lacking:
        raise ConfigError(
            f"the checkpoint in {folder} lacks {len(lacking)} weights of {type(module).__name__} ({lacking[0]}, ...), "
            "so it cannot write text; if it is an encoder, use student=warm_started"
        )
    return assemble(module, tokenizer, limits)


def assemble(module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, limits: Limits) -> TransformerModel:
    """Return the language model on a module and its tokenizer, as whichever architecture the config says.

    Sets what a checkpoint may lack: a pad token (EOS, where there is none: pads never count, so EOS is still learnt),
    and a generation config of special tokens alone, so that writing is greedy here and wherever the folder is loaded.
    """
    if tokenizer.eos_token_id is None:
        raise ConfigError(
            f"the tokenizer of student.checkpoint={tokenizer.name_or_path} has no EOS token, so the student could not "
            "learn where a target ends; choose another checkpoint, or set eos_token in its tokenizer_config.json"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    embeddings: Any = module.get_input_embeddings()
    rows = embeddings.weight.shape[0]
    if len(tokenizer) > rows:
        raise ConfigError(
            f"the tokenizer of student.checkpoint={tokenizer.name_or_path} has {len(tokenizer)} tokens but the model "
            f"embeds {rows}; choose a checkpoint whose tokenizer and weights belong together"
        )
    module.generation_config = _greedy_config(module, tokenizer)
    architecture: Architecture
    if module.config.is_encoder_decoder:
        architecture = EncoderDecoder(tokenizer.pad_token_id, int(module.config.decoder_start_token_id))
        separator = None
    else:
        architecture = DecoderOnly(tokenizer.pad_token_id, keeps_logits(module))
        separator = limits.separator
    text = SegmentTokenizer(tokenizer, limits.max_source_tokens, limits.max_target_tokens, separator)
    return TransformerModel(module, text, architecture)


def checkpoint_gradients(module: Any) -> None:
    """Make the module compute activations a second time in the backward pass instead of keeping them."""
    with warnings.catch_warnings():
        # the newer name of the method is not in every transformers 5
        warnings.simplefilter("ignore", FutureWarning)
        module.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def _greedy_config(module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> GenerationConfig:
    """Return a generation config of special tokens alone; it ends at EOS and at whatever else ended the checkpoint."""
    known = module.generation_config.eos_token_id if module.generation_config else None
    ends = sorted({*([known] if isinstance(known, int) else known or []), tokenizer.eos_token_id})
    kind: Any = GenerationConfig
    config: GenerationConfig = kind(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends[0] if len(ends) == 1 else ends,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=module.config.decoder_start_token_id if module.config.is_encoder_decoder else None,
    )
    return config
