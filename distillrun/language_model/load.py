"""The loading of language models from checkpoint folders."""

import warnings
from collections.abc import Mapping, Sequence
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
from distillrun.language_model.caching import caching_of
from distillrun.language_model.chat_format import ChatFormat, chat_format
from distillrun.language_model.decoder_only import DecoderOnly
from distillrun.language_model.encoder_decoder import EncoderDecoder
from distillrun.language_model.limits import Limits
from distillrun.language_model.loading import Chat, Quantization
from distillrun.language_model.precision import stored_type
from distillrun.language_model.text import SegmentTokenizer
from distillrun.language_model.transformer import Architecture, TransformerModel
from distillrun.language_model.weights import four_bits, load_weights, why
from distillrun.records import Json


def load_model(
    folder: Path,
    limits: Limits,
    outline: bool = False,
    dtype: torch.dtype = torch.float32,
    gguf_file: str | None = None,
    quantization: Quantization | None = None,
    chat: Chat = "never",
    chat_options: Mapping[str, Json] | None = None,
) -> TransformerModel:
    """Return the language model of a checkpoint folder on the CPU; no code of the checkpoint runs.

    Args:
        folder: of the checkpoint.
        limits: of the texts.
        outline: read the names and shapes of the weights alone, to see whether it would load.
        dtype: of the weights, and of the arithmetic of those that are quantised.
        gguf_file: the file of the folder that holds the weights, which are taken out of their packing.
        quantization: 4-bit weights of bitsandbytes.
        chat, chat_options: whether it reads chats, and what their template is given, see `chat_format`.

    Raises:
        ConfigError: transformers cannot load the folder, or weights that the model needs are missing.
    """
    try:
        extra: dict[str, Any] = {} if gguf_file is None else {"gguf_file": gguf_file}
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, **extra)
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **extra)
        stored = stored_type(config)
        if quantization is not None and not outline:
            extra["quantization_config"] = four_bits(quantization, dtype)
        module, missing = load_weights(kind, folder, config, outline, dtype, **extra)
    except Exception as error:  # what a broken file raises depends on its format and on transformers' version
        raise ConfigError(
            f"student.checkpoint={folder} did not load ({why(error)}); choose another checkpoint"
        ) from error
    if missing:
        raise ConfigError(
            f"student.checkpoint={folder} is missing {len(missing)} weights of {type(module).__name__} ({missing[0]}, "
            "...), so it cannot write text; copy or download it again, or use student=warm_started if it is an encoder"
        )
    wanted = "always" if gguf_file and chat == "auto" and tokenizer.chat_template else chat
    found = None if config.is_encoder_decoder else chat_format(folder, tokenizer, wanted, chat_options or {})
    model = assemble(module, tokenizer, limits, chat=found)
    model.saved_type = stored
    return model


def assemble(
    module: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    limits: Limits,
    group: str = "student",
    chat: ChatFormat | None = None,
) -> TransformerModel:
    """Return the language model on a module and its tokenizer, as whichever architecture the config says.

    Sets what may be missing in a checkpoint: a pad token (EOS, where there is none: pads never count, so EOS is still
    learnt), and a generation config of special tokens alone, so that writing is greedy wherever it is loaded.

    Args:
        module, tokenizer: of a checkpoint.
        limits: of the texts.
        group: the config group that names the checkpoint, for messages.
        chat: the format of its conversations; None = it reads plain text.

    Raises:
        ConfigError: module and tokenizer do not fit together, or one of them cannot be used as a language model.
    """
    if tokenizer.eos_token_id is None:
        raise ConfigError(
            f"the tokenizer of {group}.checkpoint={tokenizer.name_or_path} has no EOS token, which says where a target "
            "ends; choose another checkpoint, or set eos_token in its tokenizer_config.json"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    embeddings: Any = module.get_input_embeddings()
    rows = embeddings.weight.shape[0]
    beyond = {token for token, number in tokenizer.get_vocab().items() if number >= rows}
    # what is made of a GGUF file has special tokens of its class, which no text is cut into
    made_up = {*tokenizer.all_special_tokens} - {tokenizer.eos_token}
    if tokenizer.pad_token in beyond:
        tokenizer.pad_token = tokenizer.eos_token
    if beyond - made_up or max(tokenizer("It is.")["input_ids"]) >= rows:
        raise ConfigError(
            f"the tokenizer of {group}.checkpoint={tokenizer.name_or_path} has {len(tokenizer)} tokens but the model "
            f"embeds {rows}; choose a checkpoint whose tokenizer and weights belong together"
        )
    ends = sorted(end_tokens(module, tokenizer) | ({chat.end} if chat else set()))
    module.generation_config = _greedy_config(module, tokenizer, ends)
    architecture: Architecture
    if module.config.is_encoder_decoder:
        architecture = EncoderDecoder(tokenizer.pad_token_id, decoder_start(module, tokenizer))
        separator = None
    else:
        architecture = DecoderOnly(tokenizer.pad_token_id, caching_of(module))
        separator = limits.separator
    sizes = limits.max_source_tokens, limits.max_target_tokens
    text = SegmentTokenizer(tokenizer, *sizes, separator, limits.truncate, chat, ends)
    return TransformerModel(module, text, architecture)


def decoder_start(module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id that an encoder-decoder's decoder reads first: its config's own, else BOS, as transformers has it.

    Raises:
        ConfigError: the checkpoint has neither.
    """
    known = (module.generation_config, module.config, module.config.get_text_config(decoder=True), tokenizer)
    for name in ("decoder_start_token_id", "bos_token_id"):
        for one in known:
            if (start := getattr(one, name, None)) is not None:
                return int(start)
    raise ConfigError(
        f"the checkpoint {module.name_or_path} does not say with which token its decoder starts; set "
        "decoder_start_token_id in its config.json"
    )


def checkpoint_gradients(module: Any) -> None:
    """Make the module compute activations a second time in the backward pass instead of keeping them."""
    with warnings.catch_warnings():
        # the newer name of the method is not in every transformers 5
        warnings.simplefilter("ignore", FutureWarning)
        module.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def end_tokens(module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return every id at which the checkpoint's texts end: its tokenizer's, and those of its generation config."""
    known = module.generation_config.eos_token_id if module.generation_config else None
    ids = known if isinstance(known, list) else [known]
    return frozenset(int(token) for token in (*ids, tokenizer.eos_token_id) if token is not None)


def _greedy_config(
    module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, ends: Sequence[int]
) -> GenerationConfig:
    """Return a generation config of special tokens alone."""
    kind: Any = GenerationConfig
    config: GenerationConfig = kind(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends[0] if len(ends) == 1 else ends,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=decoder_start(module, tokenizer) if module.config.is_encoder_decoder else None,
    )
    return config
