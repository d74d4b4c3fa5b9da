"""The vLLM teacher against a stand-in of the engine's interface, which answers from a real tiny checkpoint.

vLLM itself needs a GPU; what is tested is what is handed to it, and what is made of its answers.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch

from distillrun.records import Draw, Message, Prompt, Request, Sampling
from tests.asking import Unlimited
from tests.leaves import EXAMPLE, made
from tests.tiny_checkpoints import write_llama


@dataclass
class Parameters:
    """The fields of vllm.SamplingParams that are used."""

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 16
    stop: list[str] = field(default_factory=list)
    seed: int | None = None
    logprobs: int | None = None
    prompt_logprobs: int | None = None


class Engine:
    """What vllm.LLM does with token ids: greedy texts, and the log-probs of prompts."""

    made: ClassVar[list[dict[str, Any]]] = []
    calls: ClassVar[list[int]] = []

    def __init__(self, **settings: Any) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        Engine.made.append(settings)
        self.model = AutoModelForCausalLM.from_pretrained(settings["model"])
        self.tokenizer = AutoTokenizer.from_pretrained(settings["model"])
        self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=settings["max_model_len"] or 128))

    def generate(self, prompts: list[dict[str, list[int]]], parameters: Any, use_tqdm: bool) -> list[Any]:
        Engine.calls.append(len(prompts))
        each = parameters if isinstance(parameters, list) else [parameters] * len(prompts)
        return [self._one(prompt["prompt_token_ids"], one) for prompt, one in zip(prompts, each, strict=True)]

    @torch.no_grad()
    def _one(self, ids: list[int], one: Parameters) -> Any:
        logits = self.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        listed = [None, *({token: SimpleNamespace(logprob=float(logits[n, token]))} for n, token in enumerate(ids[1:]))]
        written, total = list(ids), 0.0
        for _ in range(one.max_tokens):
            last = self.model(torch.tensor([written])).logits[0, -1].log_softmax(-1)
            written.append(int(last.argmax()))
            total += float(last.max())
        text = self.tokenizer.decode(written[len(ids) :], skip_special_tokens=True)
        output = SimpleNamespace(
            text=text, token_ids=written[len(ids) :], finish_reason="length", cumulative_logprob=total, stop_reason=None
        )
        return SimpleNamespace(outputs=[output], prompt_logprobs=listed)


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("vllm")
    module.LLM, module.SamplingParams = Engine, Parameters
    module.__spec__ = SimpleNamespace(name="vllm")
    monkeypatch.setitem(sys.modules, "vllm", module)
    Engine.made, Engine.calls = [], []


def prompt(text: str) -> Prompt:
    return Prompt((Message("system", "Be brief."), Message("user", text)), Request("rationale", EXAMPLE, 1))


def test_without_the_package_its_name_is_said(tmp_path: Path) -> None:
    problems = made("teacher", "vllm", checkpoint=write_llama(tmp_path)).check(None)
    assert problems == [
        "teacher=vllm needs the package vllm; pip install 'distillrun[vllm]', in an environment of its own"
    ]


@pytest.mark.usefixtures("vllm")
def test_its_texts_and_scores_are_those_of_the_local_teacher(tmp_path: Path) -> None:
    folder = write_llama(tmp_path)
    teacher = made("teacher", "vllm", checkpoint=folder, draws_per_call=2)
    local = made("teacher", "local", checkpoint=folder, device="cpu")
    assert teacher.check(None) == []
    draws = [Draw(prompt(f"What {'now ' * n}?"), 0, 5) for n in range(5)]
    sampling = Sampling(6, 0.0, 1.0, 1, ("zzz",))
    ours, theirs = (dict(one.complete(draws, sampling, Unlimited())) for one in (teacher, local))
    assert {n: made.text for n, made in ours.items()} == {n: made.text for n, made in theirs.items()}
    for n, answer in ours.items():
        assert answer.log_prob == pytest.approx(theirs[n].log_prob, abs=1e-3)
        assert (answer.prompt_tokens, answer.completion_tokens) == (theirs[n].prompt_tokens, 6)
    assert Engine.calls == [2, 2, 1]
    assert Engine.made[0]["enable_prefix_caching"]
    assert not Engine.made[0]["trust_remote_code"]
    which, texts = [prompt("What?"), prompt("Who?")], [[" the sea", " a knife"], [" water"]]
    scores = dict(teacher.score(which, texts, Unlimited()))
    for n, own in local.score(which, texts, Unlimited()):
        assert [one.tokens for one in scores[n]] == [one.tokens for one in own]
        assert [one.log_prob for one in scores[n]] == pytest.approx([one.log_prob for one in own], abs=1e-3)


@pytest.mark.usefixtures("vllm")
def test_prompts_beyond_the_context_are_not_handed_over(tmp_path: Path) -> None:
    teacher = made("teacher", "vllm", checkpoint=write_llama(tmp_path), max_model_len=30)
    account = Unlimited()
    draws = [Draw(prompt("What? " * 40), 0, 5), Draw(prompt("What?"), 0, 5)]
    found = dict(teacher.complete(draws, Sampling(4, 0.0, 1.0, 1, ()), account))
    assert (found[0].finish_reason, found[1].completion_tokens) == ("too_long", 4)
    assert len(account.reserved) == 1
