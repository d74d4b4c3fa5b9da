"""Small models with fresh weights and a tokenizer of our own: they need no network and learn in about a minute."""

from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from distillrun.language_model.sizes import TOKENIZER_FILE, Sizes


def tiny_tokenizer() -> PreTrainedTokenizerBase:
    """Return the tokenizer that all small models share."""
    kind: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerBase = kind(tokenizer_file=str(TOKENIZER_FILE), pad_token="<pad>", eos_token="</s>")
    return tokenizer


def tiny_t5(sizes: Sizes, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """Return a T5 with fresh weights: v1.1's gated feed-forward blocks, v1.0's tied embeddings, pad as start token."""
    kind: Any = T5Config  # its constructor takes more than it declares
    config = kind(
        vocab_size=len(tokenizer),
        d_model=sizes.width,
        d_kv=sizes.width // sizes.heads,
        d_ff=sizes.feed_forward_width,
        num_layers=sizes.layers,
        num_decoder_layers=sizes.layers,
        num_heads=sizes.heads,
        dropout_rate=sizes.dropout,
        feed_forward_proj="gated-gelu",
        # transformers 5 ties the head of every fresh T5 whatever is asked, and only so scales its input: untied, the
        # loss would start far above ln(vocabulary), and a smaller initializer_factor would shrink the norms as well
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    return T5ForConditionalGeneration(config)


def tiny_qwen(
    sizes: Sizes, tokenizer: PreTrainedTokenizerBase, max_tokens: int, initializer_range: float
) -> PreTrainedModel:
    """Return a Qwen3 with fresh weights and tied embeddings for up to `max_tokens` of source and target."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=sizes.width,
        intermediate_size=sizes.feed_forward_width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.heads,
        head_dim=sizes.width // sizes.heads,
        max_position_embeddings=max_tokens,
        attention_dropout=sizes.dropout,
        tie_word_embeddings=True,
        initializer_range=initializer_range,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config)


def tiny_bert(sizes: Sizes, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> PreTrainedModel:
    """Return a BERT with fresh weights and without a pooler."""
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=sizes.width,
        intermediate_size=sizes.feed_forward_width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        hidden_dropout_prob=sizes.dropout,
        attention_probs_dropout_prob=sizes.dropout,
        max_position_embeddings=max_tokens,
        pad_token_id=tokenizer.pad_token_id,
    )
    return BertModel(config, add_pooling_layer=False)


def count_weights(build: Callable[[PreTrainedTokenizerBase], PreTrainedModel]) -> int:
    """Return how many weights a small model has; none of them is made."""
    with torch.device("meta"):
        return sum(weight.numel() for weight in build(tiny_tokenizer()).parameters())
