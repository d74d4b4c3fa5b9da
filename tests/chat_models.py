"""Tokenizers with the chat templates of published models, and small instruct models that have them."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from distillrun.language_model.quiet import quiet
from distillrun.language_model.tiny import tiny_tokenizer

TRL = find_spec("trl")
TEMPLATES = Path(str(TRL.origin)).parent / "chat_templates" if TRL else Path("no trl")
"""The templates of published models, as TRL ships them."""

MISTRAL = """{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}\
{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}\
{% endfor %}"""
"""As Mistral documents it: a blank opens the reply, and EOS ends it."""
LLAMA_2 = """{% for message in messages %}{% if message['role'] == 'user' %}\
{{ bos_token + '[INST] ' + message['content'].strip() + ' [/INST]' }}{% else %}\
{{ ' ' + message['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""
WRITTEN_HERE = {"mistral": MISTRAL, "llama2": LLAMA_2}


def template_of(family: str) -> str:
    name = family.split()[0]
    return WRITTEN_HERE.get(name) or (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")


def byte_level(template: str) -> PreTrainedTokenizerBase:
    """Return the tiny tokenizer, which marks a word by the blank before it, with the template's special tokens."""
    special = sorted({*re.findall(r"<[|｜][^'\" |]+[|｜]>|<(?:start|end)_of_turn>", template), "<s>"})
    kind: Any = PreTrainedTokenizerFast
    backend = Tokenizer.from_str(tiny_tokenizer().backend_tokenizer.to_str())
    made: PreTrainedTokenizerBase = kind(tokenizer_object=backend, eos_token="</s>", bos_token="<s>")
    made.add_special_tokens({"additional_special_tokens": special})
    made.chat_template = template
    return made


def metaspace(template: str) -> PreTrainedTokenizerBase:
    """Return one like SentencePiece's: a text begins with a blank of its own, and unknown characters are bytes."""
    made = byte_level(template)
    pieces = [f"<0x{byte:02X}>" for byte in range(256)] + ["▁", "A", "▁A", "The", "▁The", "I", "▁I", "▁24", "sea"]
    vocabulary = {piece: number for number, piece in enumerate(["<unk>", *pieces])}
    merges = [("▁", "A"), ("▁", "I")]
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    kind: Any = PreTrainedTokenizerFast
    other: PreTrainedTokenizerBase = kind(tokenizer_object=backend, eos_token="</s>", bos_token="<s>")
    other.add_special_tokens({"additional_special_tokens": made.all_special_tokens})
    other.chat_template = template
    return other


def write_chat(folder: Path, family: str = "qwen2_5", instruct: bool = True) -> Path:
    """Write a small Llama with a family's template: an instruct model ends at its end of turn, a base model at EOS."""
    tokenizer = byte_level(template_of(family))
    special: dict[str, Any] = tokenizer.get_added_vocab()
    turn = next((special[name] for name in ("<|im_end|>", "<|eot_id|>", "<end_of_turn>") if name in special), None)
    ends = [tokenizer.eos_token_id, *([turn] if instruct and turn is not None else [])]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        initializer_range=0.2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    module: Any = LlamaForCausalLM(config)
    kind: Any = GenerationConfig
    module.generation_config = kind(eos_token_id=ends, bos_token_id=tokenizer.bos_token_id, pad_token_id=0)
    with quiet():
        module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
