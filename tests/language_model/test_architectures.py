"""Forty architectures, tiny: the head by itself gives the model's own logits; batches and caches change nothing."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from distillrun.errors import ConfigError
from distillrun.language_model.head_check import head_problem
from distillrun.language_model.limits import Limits
from distillrun.language_model.load import assemble
from distillrun.language_model.tiny import tiny_tokenizer
from distillrun.language_model.transformer import PROBE, TransformerModel
from distillrun.loss.token_loss import token_costs
from distillrun.records import Segment
from tests.tiny_checkpoints import SMALL

GPT = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128, "rotary_dim": 8}
BART = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2} | {
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
}
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 32, "num_layers": 1, "num_heads": 2}
EXPERTS = {"num_experts": 2, "num_local_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
MAMBA = {"state_size": 4}
MULTIPLIED = {
    "logits_scaling": 0.5,
    "embedding_multiplier": 2.0,
    "attention_multiplier": 0.1,
    "residual_multiplier": 0.7,
}

CAUSAL: Mapping[str, dict[str, Any]] = {
    "Llama": {},
    "Mistral": {},
    "Mixtral": EXPERTS,
    "Qwen2": {},
    "Qwen3": {},
    "Qwen3Moe": {**EXPERTS, "decoder_sparse_step": 1},
    "Gemma": {},
    "Gemma2": {"final_logit_softcapping": 30.0, "sliding_window": 16},
    "Gemma3Text": {"sliding_window": 16},
    "Cohere": {"logit_scale": 0.0625},
    "Cohere2": {"logit_scale": 0.25, "sliding_window": 16},
    "Granite": MULTIPLIED,
    "GraniteMoe": {**MULTIPLIED, **EXPERTS},
    "Olmo": {},
    "Olmo2": {},
    "Phi": {},
    "Phi3": {"pad_token_id": 0},
    "StableLm": {},
    "Starcoder2": {},
    "SmolLM3": {},
    "Glm": {},
    "Nemotron": {},
    "GPT2": GPT,
    "GPTNeoX": {},
    "GPTJ": GPT,
    "Bloom": {"n_layer": 2, "n_head": 2},
    "OPT": {"ffn_dim": 32, "word_embed_proj_dim": 16},
    "Falcon": {},
    "Mpt": {"d_model": 32, "n_heads": 2, "n_layers": 2, "max_seq_len": 128},
    "Mamba": MAMBA,
    "Mamba2": {**MAMBA, "num_heads": 8, "head_dim": 8, "n_groups": 1, "expand": 2, "chunk_size": 8},
    "Lfm2": {"layer_types": ["conv", "full_attention"]},
}
SEQ2SEQ: Mapping[str, dict[str, Any]] = {
    "T5": T5,
    "MT5": T5,
    "UMT5": T5,
    "LongT5": T5,
    "Bart": BART,
    "MBart": BART,
    "Pegasus": BART,
    "Marian": BART,
    "BlenderbotSmall": BART,
}
REFUSED: Mapping[str, dict[str, Any]] = {
    "RecurrentGemma": {"lru_width": 32, "attention_window_size": 16, "block_types": ["recurrent", "attention"]},
}
WRITTEN = 6


def built(name: str) -> TransformerModel:
    tokenizer = tiny_tokenizer()
    ends = {"bos_token_id": tokenizer.eos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    own = CAUSAL.get(name) or SEQ2SEQ.get(name) or REFUSED.get(name) or {}
    kind: Any = getattr(transformers, f"{name}Config")
    starts = {"decoder_start_token_id": 0} if name in SEQ2SEQ else {}
    base = {} if name in SEQ2SEQ else dict(SMALL)
    if name == "Falcon":
        del base["head_dim"]  # it follows from the width
    config = kind(**{**base, "vocab_size": len(tokenizer), **ends, **starts, **own})
    torch.manual_seed(0)
    auto: Any = AutoModelForSeq2SeqLM if name in SEQ2SEQ else AutoModelForCausalLM
    module = auto.from_config(config).eval()
    with torch.no_grad():  # fresh weights are too alike to tell a mistake
        for weight in module.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    if hasattr(module, "final_logits_bias"):
        module.final_logits_bias.normal_()
    return assemble(module, tokenizer, Limits(64, 32, "\n"))


@pytest.mark.parametrize("name", [*CAUSAL, *SEQ2SEQ])
def test_an_architecture_is_right_as_student_and_as_teacher(name: str) -> None:
    model = built(name)
    assert head_problem(model) is None
    sources = [(Segment("Where do fish live?"),), (Segment("What cuts bread, and what is it made of?"),)]
    texts = model.generate(sources, WRITTEN, 4096)
    assert texts == [model.generate([source], WRITTEN, 4096)[0] for source in sources]
    answers = [[(Segment("the sea"),), (Segment("a desk or two"),)], [(Segment("a knife"),)]]
    together = model.score(sources, answers, 4096)
    for source, own, found in zip(sources, answers, together, strict=True):
        (alone,) = model.score([source], [own], 4096)
        for one, other in zip(found, alone, strict=True):
            assert one.log_prob == pytest.approx(other.log_prob, rel=1e-3, abs=1e-3)
    batch = model.encode([PROBE], [0])
    with torch.no_grad():
        outputs = model.forward(batch, hidden=True)
        module: Any = model.module
        costs = token_costs(outputs.logits, outputs.labels)[0]
        labels = batch.labels
        if name in CAUSAL:  # it shifts labels by itself, and never reads the last token
            read = batch.inputs["input_ids"]
            labels = torch.full_like(read, -100)
            labels[:, -(len(costs) - 1) :] = batch.labels[:, :-1]
            costs = costs[:-1]
        theirs = module(**batch.inputs, labels=labels).loss
    assert costs.mean().item() == pytest.approx(theirs.item(), rel=1e-3)


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_keeps_its_state_in_itself_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="keeps no cache that can be batched"):
        built(name)
