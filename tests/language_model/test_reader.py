"""A model read up to its head: its logits and all gradients are those of the module's own forward pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import (
    Gemma2Config,
    GraniteConfig,
    MarianConfig,
    MarianMTModel,
    Qwen3Config,
    T5Config,
    T5ForConditionalGeneration,
)

from distillrun.language_model.limits import Limits
from distillrun.language_model.load import assemble, checkpoint_gradients, load_model
from distillrun.language_model.tiny import tiny_tokenizer
from distillrun.language_model.transformer import TransformerModel
from distillrun.loss.logits import Logits
from distillrun.loss.summed_costs import summed_costs
from distillrun.loss.tensors import IGNORE
from distillrun.loss.token_loss import learnt_places, token_nll
from distillrun.records import Segment, TargetPair
from tests.tiny_checkpoints import write_causal, write_gpt2, write_lfm2

PAIRS = [
    TargetPair(
        (Segment("Where do fish live?"),), (Segment("In ", learn=False), Segment("the sea, of course")), "predict"
    ),
    TargetPair((Segment("What cuts bread? (a) a knife"),), (Segment("a knife"),), "predict"),
]
LIMITS = Limits(64, 64, "\n")
SIZES: dict[str, Any] = {"d_model": 32, "d_kv": 16, "d_ff": 32, "num_layers": 1, "num_heads": 2, "dropout_rate": 0.0}


def t5(tied: bool) -> TransformerModel:
    tokenizer = tiny_tokenizer()
    ends: dict[str, Any] = {"pad_token_id": 0, "eos_token_id": tokenizer.eos_token_id, "decoder_start_token_id": 0}
    tying: dict[str, Any] = {"tie_word_embeddings": tied, "scale_decoder_outputs": tied}
    config = T5Config(vocab_size=len(tokenizer), **SIZES, **ends, **tying)
    return assemble(T5ForConditionalGeneration(config), tokenizer, LIMITS)


def marian() -> TransformerModel:
    tokenizer = tiny_tokenizer()
    config = MarianConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        dropout=0.0,
        pad_token_id=0,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=0,
    )
    module: Any = MarianMTModel(config)
    module.final_logits_bias.normal_()
    return assemble(module, tokenizer, LIMITS)


def adapted(model: TransformerModel, *targets: str) -> TransformerModel:
    module: Any = model.module
    model.module = get_peft_model(module, LoraConfig(r=2, target_modules=list(targets), init_lora_weights=False))
    return model


def checkpointed(model: TransformerModel) -> TransformerModel:
    checkpoint_gradients(model.module)
    return model


def causal(folder: Path, config: Any, **settings: Any) -> TransformerModel:
    return load_model(Path(write_causal(folder, config, **settings)), LIMITS)


MADE: dict[str, Callable[[Path], TransformerModel]] = {
    "T5, tied and scaled": lambda _: t5(True),
    "T5, untied": lambda _: t5(False),
    "T5, adapters": lambda _: adapted(t5(True), "q", "v"),
    "T5, adapter of the head": lambda _: adapted(t5(False), "q", "lm_head"),
    "T5, checkpointed": lambda _: checkpointed(t5(False)),
    "Qwen, tied": lambda folder: causal(folder, Qwen3Config, tie_word_embeddings=True),
    "Qwen, untied": lambda folder: causal(folder, Qwen3Config, tie_word_embeddings=False),
    "Qwen, adapters": lambda folder: adapted(causal(folder, Qwen3Config), "q_proj", "v_proj"),
    "Qwen, adapter of the head": lambda folder: adapted(causal(folder, Qwen3Config), "q_proj", "lm_head"),
    "Qwen, checkpointed": lambda folder: checkpointed(causal(folder, Qwen3Config)),
    "GPT-2": lambda folder: load_model(Path(write_gpt2(folder)), LIMITS),
    "LFM2": lambda folder: load_model(Path(write_lfm2(folder)), LIMITS),
    "Granite, which divides": lambda folder: causal(folder, GraniteConfig, logits_scaling=0.5),
    "Gemma 2, which caps": lambda folder: causal(folder, Gemma2Config, final_logit_softcapping=3.0),
    "Marian, which adds": lambda _: marian(),
}


@pytest.fixture(params=MADE)
def model(request: pytest.FixtureRequest, tmp_path: Path) -> TransformerModel:
    torch.manual_seed(0)
    made = MADE[request.param](tmp_path)
    made.module.train()
    return made


def gradients(module: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    module.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: one.grad.clone() for name, one in module.named_parameters() if one.grad is not None}


def test_logits_and_gradients_are_the_module_s_own(model: TransformerModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Logits, "positions_at_once", lambda _self: 4)
    batch = model.encode(PAIRS, [0, 1])
    own = model.module(**batch.inputs).logits[:, -batch.labels.shape[1] :]
    nll = F.cross_entropy(own.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORE, reduction="sum")
    expected = gradients(model.module, nll)

    outputs = model.forward(batch)
    torch.testing.assert_close(outputs.logits.dense(), own, rtol=1e-4, atol=1e-5)
    cost_of = token_nll(batch.labels)

    def costs(logits: Tensor, begin: int, end: int) -> tuple[Tensor, Tensor]:
        cost = cost_of(logits, begin, end)
        return cost, cost[:, None]

    total, _ = summed_costs(outputs.logits, learnt_places(batch.labels), 1, costs)
    assert total.item() == pytest.approx(nll.item(), rel=1e-5)
    found = gradients(model.module, total)
    assert found.keys() == expected.keys()
    for name, one in found.items():
        noise = 1e-4 * expected[name].abs().max().item()  # sums in another order; a wrong gradient is off by far more
        torch.testing.assert_close(one, expected[name], rtol=1e-4, atol=max(noise, 1e-6), msg=name)


def test_a_head_that_runs_by_itself_makes_the_logits_of_one_position_alone(model: TransformerModel) -> None:
    batch = model.encode(PAIRS, [0, 1])
    model.forward(batch)  # finds out whether the head runs by itself
    head: Any = model.module.get_output_embeddings()  # type: ignore[operator]
    made: list[int] = []
    handle = head.register_forward_hook(lambda _module, _inputs, output: made.append(output.shape[:-1].numel()))
    outputs = model.forward(batch)
    handle.remove()
    assert made == [1]
    assert outputs.logits.dense().shape == (*batch.labels.shape, model.vocabulary_size)


def test_no_more_than_one_pass_is_needed_to_find_out_and_no_chance_is_drawn(model: TransformerModel) -> None:
    passes: list[None] = []
    handle = model.module.register_forward_pre_hook(lambda *_: passes.append(None))
    before = torch.get_rng_state()
    batch = model.encode(PAIRS, [0, 1])
    model.forward(batch)
    model.forward(batch)
    handle.remove()
    assert len(passes) == 3
    assert torch.equal(torch.get_rng_state(), before)
    assert model.module.training
