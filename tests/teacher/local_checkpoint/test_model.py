"""The local teacher on models of every kind: windows, recurrent layers, no positions, several end tokens."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as untyped

from distillrun.errors import ConfigError
from distillrun.language_model.quiet import quiet
from distillrun.language_model.tiny import tiny_tokenizer
from tests.asking import Unlimited
from tests.local_asking import DEMO, GREEDY, asked, assert_alike, prompt, prompts, teacher
from tests.tiny_checkpoints import write_llama

transformers: Any = untyped  # its configs take more than their signatures say
TOKENS = len(tiny_tokenizer())
END = tiny_tokenizer().eos_token_id
LAYERS: dict[str, Any] = {
    "vocab_size": TOKENS,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 256,
    "eos_token_id": END,
    "bos_token_id": END,
    "initializer_range": 0.2,
}
WINDOW: dict[str, Any] = {"head_dim": 16, "sliding_window": 12}
CONFIGS: dict[str, Callable[[], Any]] = {
    "sliding window": lambda: transformers.MistralConfig(**LAYERS, sliding_window=12),
    "window and full in turn": lambda: transformers.Gemma3TextConfig(
        **LAYERS, **WINDOW, layer_types=["sliding_attention", "full_attention"]
    ),
    "window by columns": lambda: transformers.GPTNeoConfig(
        vocab_size=TOKENS,
        hidden_size=32,
        num_layers=2,
        num_heads=2,
        attention_types=[[["global", "local"], 1]],
        window_size=12,
        max_position_embeddings=256,
        eos_token_id=END,
        bos_token_id=END,
        initializer_range=0.2,
    ),
    "distances instead of positions": lambda: transformers.MptConfig(
        vocab_size=TOKENS, d_model=32, n_layers=2, n_heads=2, max_seq_len=256, eos_token_id=END, initializer_range=0.2
    ),
    "convolution": lambda: transformers.Lfm2Config(**LAYERS, layer_types=["conv", "full_attention"]),
    "recurrent": lambda: transformers.Mamba2Config(
        vocab_size=TOKENS,
        hidden_size=32,
        num_hidden_layers=2,
        state_size=4,
        num_heads=8,
        head_dim=8,
        n_groups=1,
        eos_token_id=END,
        initializer_range=0.2,
    ),
    "recurrent and attending at once": lambda: transformers.FalconH1Config(
        **LAYERS, head_dim=16, mamba_d_ssm=32, mamba_n_heads=4, mamba_d_head=8, mamba_d_state=8, mamba_n_groups=1
    ),
}


def write(folder: Path, config: Any, **generation: Any) -> str:
    torch.manual_seed(1)
    kind: Any = transformers.AutoModelForCausalLM
    module = kind.from_config(config).float()
    module.generation_config = transformers.GenerationConfig(**generation)
    with quiet():
        module.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_batch_gives_what_transformers_gives_of_each_row(kind: str, tmp_path: Path) -> None:
    local = teacher(write(tmp_path, CONFIGS[kind]()), dtype="float32")
    free = asked(local, prompts(6))
    module: Any = local._loaded()._module
    for one, answer in zip(prompts(6), free, strict=True):
        ids = torch.tensor([local._prompts.ids(one.messages)])
        ours = module.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        assert answer.text == local._prompts.tokenizer.decode(ours[0, ids.shape[1] :], skip_special_tokens=True)
    stopping = replace(GREEDY, stop=(free[2].text[4:6], free[5].text[8:10]))
    assert_alike(asked(local, prompts(6), stopping), [asked(local, [one], stopping)[0] for one in prompts(6)])
    texts = [[" the sea", " a knife that cuts"], [" water"], [" the sea", " x"]]
    together = dict(local.score(prompts(3), texts, Unlimited()))
    for row, one in enumerate(prompts(3)):
        (alone,) = dict(local.score([one], [texts[row]], Unlimited())).values()
        for score, other in zip(together[row], alone, strict=True):
            assert score.log_prob == pytest.approx(other.log_prob, abs=1e-4)


def test_a_model_without_a_cache_is_refused(tmp_path: Path) -> None:
    config = transformers.OpenAIGPTConfig(vocab_size=TOKENS, n_embd=16, n_layer=1, n_head=2, n_positions=64)
    local = teacher(write(tmp_path, config))
    with pytest.raises(ConfigError, match="OpenAIGPTLMHeadModel, which keeps no cache"):
        asked(local, prompts(1))


def test_every_end_token_of_the_checkpoint_ends_a_text(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(**LAYERS)
    (one,) = asked(teacher(write(tmp_path / "a", config)), prompts(1))
    first = tiny_tokenizer()(one.text, add_special_tokens=False)["input_ids"][0]
    (other,) = asked(teacher(write(tmp_path / "b", config, eos_token_id=[END, first])), prompts(1))
    assert (other.text, other.finish_reason, other.completion_tokens) == ("", "stop", 1)


def test_a_token_without_an_embedding_is_said_to_be_one(tmp_path: Path) -> None:
    local = teacher(write(tmp_path, transformers.LlamaConfig(**{**LAYERS, "vocab_size": 300})))
    with pytest.raises(ConfigError, match="the model embeds 300; choose a checkpoint whose tokenizer and weights"):
        asked(local, prompts(1))


def test_a_pad_token_without_an_embedding_does_no_harm(tmp_path: Path) -> None:
    folder = write(tmp_path, transformers.LlamaConfig(**LAYERS))
    before = asked(teacher(folder), prompts(5))
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert tokenizer.pad_token_id == TOKENS
    tokenizer.save_pretrained(folder)
    assert_alike(asked(teacher(folder), prompts(5)), before)


def test_an_empty_prompt_is_answered(tmp_path: Path) -> None:
    local = teacher(write_llama(tmp_path / "llama"), block_separator="")
    other = teacher(write(tmp_path / "bare", transformers.LlamaConfig(**LAYERS)), block_separator="")
    for one in (local, other):
        assert asked(one, [prompt("", ""), prompt(DEMO, "What?")])[0].completion_tokens == 12
