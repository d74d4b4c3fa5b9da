"""An encoder-decoder out of a pretrained encoder: both halves start from its weights.

Source: Rothe et al. 2020, https://arxiv.org/abs/1907.12461 (BERT2BERT). The cross-attention and whatever else the
encoder lacks start fresh, so such a student has to be trained before it writes anything.
"""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoTokenizer, EncoderDecoderModel, PreTrainedModel, PreTrainedTokenizerBase

from distillrun.errors import ConfigError
from distillrun.language_model.quiet import quiet


def warm_started(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the module (float32) and the tokenizer; fresh weights draw from torch's global generator.

    Targets start with the tokenizer's [CLS] and end with its [SEP], as the encoder's texts did.

    Raises:
        ConfigError: the folder holds no encoder with such tokens.
    """
    refusal = f"the checkpoint in {folder} is no BERT-like encoder that a student could be warm-started from"
    cure = "choose an encoder, or student=t5_small or student=qwen3_0_6b for checkpoints that write text already"
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if config.is_encoder_decoder or None in (tokenizer.cls_token, tokenizer.sep_token, tokenizer.pad_token):
            raise ConfigError(f"{refusal} (it is a {config.model_type}); {cure}")
        with quiet():
            module = EncoderDecoderModel.from_encoder_decoder_pretrained(
                str(folder), str(folder), encoder_dtype=torch.float32, decoder_dtype=torch.float32
            )
    except ConfigError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{refusal}: {error}; {cure}") from error
    tokenizer.bos_token, tokenizer.eos_token = tokenizer.cls_token, tokenizer.sep_token
    tokenizer.clean_up_tokenization_spaces = True  # word pieces would be read back as "children ' s"
    module.config.decoder_start_token_id = tokenizer.bos_token_id
    module.config.eos_token_id = tokenizer.eos_token_id
    module.config.pad_token_id = tokenizer.pad_token_id
    return module, tokenizer
