"""An encoder-decoder out of a pretrained encoder: both halves start from its weights.

Source: Rothe et al. 2020, https://arxiv.org/abs/1907.12461 (BERT2BERT). The cross-attention and whatever else the
encoder lacks start fresh, so such a student has to be trained before it writes anything.
"""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoTokenizer, EncoderDecoderModel, PreTrainedModel, PreTrainedTokenizerBase

from distillrun.errors import ConfigError


def warm_started(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the module (float32) and the tokenizer; fresh weights draw from torch's global generator.

    Targets start with the tokenizer's [CLS] and end with its [SEP], as the encoder's texts did.
    """
    config = AutoConfig.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    start, end = tokenizer.cls_token, tokenizer.sep_token
    if config.is_encoder_decoder or start is None or end is None or tokenizer.pad_token is None:
        raise ConfigError(
            f"student.checkpoint={folder} ({config.model_type}) is not a BERT-like encoder with [CLS], [SEP] and "
            "[PAD]; choose an encoder, or student=t5_small and the like for other checkpoints"
        )
    tokenizer.bos_token, tokenizer.eos_token = start, end
    module = EncoderDecoderModel.from_encoder_decoder_pretrained(
        str(folder),
        str(folder),
        encoder_dtype=torch.float32,
        decoder_dtype=torch.float32,
        encoder_add_pooling_layer=False,
    )
    module.config.decoder_start_token_id = tokenizer.bos_token_id
    module.config.eos_token_id = tokenizer.eos_token_id
    module.config.pad_token_id = tokenizer.pad_token_id
    return module, tokenizer
