"""An encoder-decoder made from a pretrained encoder: both halves start from its weights.

Source: Rothe et al. 2020, https://arxiv.org/abs/1907.12461 (BERT2BERT). The cross-attention and whatever else the
encoder does not have start fresh, so such a student has to be trained before it writes anything.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from distillrun.errors import ConfigError
from distillrun.language_model.checkpoint_folder import has_weights
from distillrun.language_model.quiet import quiet
from distillrun.language_model.weights import load_weights, why


def warm_started(
    folder: Path, outline: bool = False, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the module and the tokenizer; fresh weights draw from torch's global generator.

    Targets start with the tokenizer's [CLS] and end with its [SEP], as the encoder's texts did.

    Args:
        folder: of the encoder.
        outline: read the names and shapes of the weights alone, to see whether it would load.
        dtype: of the weights.

    Raises:
        ConfigError: the folder holds no encoder with such tokens, or not all of its weights.
    """
    refusal = f"student.checkpoint={folder} is not a BERT-like encoder that a student could be warm-started from"
    cure = "choose an encoder, or student=t5_small or student=qwen3_0_6b for checkpoints that write text already"
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if config.is_encoder_decoder or None in (tokenizer.cls_token, tokenizer.sep_token, tokenizer.pad_token):
            raise ConfigError(f"{refusal} (it is a {config.model_type}); {cure}")
        _, missing = load_weights(AutoModel, folder, config, outline=True, dtype=torch.float32)
        module = _both_halves(folder, config, outline, dtype)
    except ConfigError:
        raise
    except Exception as error:  # what a broken file raises depends on its format and on transformers' version
        raise ConfigError(f"{refusal} ({why(error)}); {cure}") from error
    if missing := [name for name in missing if "pooler" not in name]:
        raise ConfigError(
            f"student.checkpoint={folder} is missing {len(missing)} weights of its encoder ({missing[0]}, ...); copy "
            "or download it again"
        )
    tokenizer.bos_token, tokenizer.eos_token = tokenizer.cls_token, tokenizer.sep_token
    tokenizer.clean_up_tokenization_spaces = True  # word pieces would be read back as "children ' s"
    module.config.decoder_start_token_id = tokenizer.bos_token_id
    module.config.eos_token_id = tokenizer.eos_token_id
    module.config.pad_token_id = tokenizer.pad_token_id
    return module, tokenizer


def _both_halves(folder: Path, config: PreTrainedConfig, outline: bool, dtype: torch.dtype) -> PreTrainedModel:
    if outline and not has_weights(folder):
        with torch.device("meta"):
            return EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(config, config))
    places: dict[str, Any] = {"encoder_device_map": "meta", "decoder_device_map": "meta"} if outline else {}
    with quiet():
        module: PreTrainedModel = EncoderDecoderModel.from_encoder_decoder_pretrained(
            str(folder), str(folder), encoder_dtype=dtype, decoder_dtype=dtype, **places
        )
    return module
