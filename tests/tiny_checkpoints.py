"""Checkpoint folders of a few kilobytes, as transformers and others write them."""

from pathlib import Path
from typing import Any

import sentencepiece
import torch
from tokenizers import Tokenizer, processors
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertModel,
    BertTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    Lfm2Config,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
    T5GemmaConfig,
    T5GemmaForConditionalGeneration,
    T5GemmaModuleConfig,
)

from distillrun.language_model.quiet import quiet
from distillrun.language_model.tiny import tiny_tokenizer

SENTENCES = [
    "Where do fish live?",
    "The answer is the sea.",
    "What cuts bread? a knife",
    "Why? water, sky, desk",
    "[] ()",
]


def write_llama(folder: Path) -> str:
    """Write a Llama whose tokenizer puts a BOS before a text and has no pad token."""
    backend = Tokenizer.from_str(tiny_tokenizer().backend_tokenizer.to_str())
    backend.add_special_tokens(["<s>"])
    start = backend.token_to_id("<s>")
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", start)])
    kind: Any = PreTrainedTokenizerFast
    tokenizer = kind(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 3,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=128,
        bos_token_id=start,
        eos_token_id=tokenizer.eos_token_id,
    )
    return _write(folder, LlamaForCausalLM(config), tokenizer)


def write_gpt2(folder: Path) -> str:
    """Write a GPT-2: it learns a vector for each position, so a wrong position cannot hide."""
    tokenizer = tiny_tokenizer()
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=1,
        n_head=2,
        n_positions=128,
        initializer_range=0.2,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return _write(folder, GPT2LMHeadModel(config), tokenizer)


SMALL = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 128,
}


def write_causal(folder: Path, config: type[PreTrainedConfig], **settings: Any) -> str:
    """Write a decoder-only model of any architecture with the tiny tokenizer."""
    tokenizer = tiny_tokenizer()
    ends = {"bos_token_id": tokenizer.eos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    kind: Any = config
    made = kind(**{**SMALL, "vocab_size": len(tokenizer), **ends, **settings})
    torch.manual_seed(0)
    auto: Any = AutoModelForCausalLM
    return _write(folder, auto.from_config(made), tokenizer)


def write_mamba(folder: Path) -> str:
    """Write a Mamba: every layer keeps a state instead of keys and values."""
    return write_causal(folder, MambaConfig, state_size=4)


def write_lfm2(folder: Path) -> str:
    """Write an LFM2, whose layers are a convolution and an attention."""
    return write_causal(folder, Lfm2Config, layer_types=["conv", "full_attention"])


def write_t5gemma(folder: Path) -> str:
    """Write a T5Gemma: an encoder-decoder whose config does not name the token that its decoder starts with."""
    tokenizer = tiny_tokenizer()
    ends = {"bos_token_id": tokenizer.eos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    kind: Any = T5GemmaModuleConfig
    halves = [kind(**SMALL, vocab_size=len(tokenizer), **ends) for _ in range(2)]
    whole: Any = T5GemmaConfig
    config = whole(encoder=halves[0], decoder=halves[1], vocab_size=len(tokenizer), **ends)
    torch.manual_seed(0)
    return _write(folder, T5GemmaForConditionalGeneration(config), tokenizer)


def write_bert(folder: Path, positions: int = 128) -> str:
    """Write a BERT encoder with a word-piece tokenizer of single letters."""
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    kind: Any = BertTokenizer
    tokenizer = kind(vocab={word: index for index, word in enumerate(words)})
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=positions,
    )
    return _write(folder, BertModel(config), tokenizer)


def write_spiece_t5(folder: Path) -> str:
    """Write a T5 as the first ones were published: `spiece.model` alone for a tokenizer, weights in a `.bin` file."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_prefix=str(folder / "spiece"),
        vocab_size=40,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.vocab").unlink()
    torch.manual_seed(0)
    config = T5Config(vocab_size=200, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    config.decoder_start_token_id = 0
    module = T5ForConditionalGeneration(config)
    config.save_pretrained(folder)
    weights = {name: weight for name, weight in module.state_dict().items() if "embed_tokens" not in name}
    torch.save(weights, folder / "pytorch_model.bin")
    return str(folder)


def _write(folder: Path, module: Any, tokenizer: Any) -> str:
    with quiet():
        module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
