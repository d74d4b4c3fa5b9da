"""The vLLM teacher against a stand-in of the engine's interface, which answers from a real tiny checkpoint.

vLLM itself needs a GPU; what is tested is what is handed to it, and what is made of its answers. The stand-in has the
names of vLLM's own `LLM`, `SamplingParams` and `CompletionOutput`; that vLLM does with them what it says is not tested.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch

from distillrun.errors import ConfigError
from distillrun.loss.distribution import teacher_rows
from distillrun.loss.token_loss import learnt_places
from distillrun.pipeline.stages.pair_reader import listed_rows
from distillrun.records import (
    Draw,
    LogitRequest,
    Message,
    Prompt,
    Request,
    Sampling,
    Segment,
    TargetPair,
    TokenText,
)
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
        count = {None: 0, -1: logits.shape[-1]}.get(one.prompt_logprobs, one.prompt_logprobs)
        likeliest = logits.topk(count).indices.tolist()
        listed: list[Any] = [None]
        for n, token in enumerate(ids[1:]):
            listed.append({t: SimpleNamespace(logprob=float(logits[n, t])) for t in (token, *likeliest[n])})
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
        "teacher=vllm needs the package vllm, in an environment of its own; in a checkout of distillrun: "
        'pip install ".[vllm]"'
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


@pytest.mark.usefixtures("vllm")
def test_scoring_counts_a_prompt_once_for_each_continuation(tmp_path: Path) -> None:
    teacher = made("teacher", "vllm", checkpoint=write_llama(tmp_path))
    account = Unlimited()
    ((_, scores),) = teacher.score([prompt("What?")], [[" the sea", " a knife"]], account)
    read = sum(teacher.prompt_tokens(prompt("What?")) + one.tokens for one in scores)
    assert account.reserved == account.settled == [(read, 2)]


@pytest.mark.usefixtures("vllm")
def test_a_prompt_that_is_too_long_to_be_scored_is_said_before_any_is(tmp_path: Path) -> None:
    teacher = made("teacher", "vllm", checkpoint=write_llama(tmp_path), max_model_len=30)
    with pytest.raises(ConfigError, match=r"takes 29 plus the one that it writes.*teacher\.max_model_len"):
        list(teacher.score([prompt("Who?"), prompt("What? " * 40)], [[" a"], [" b"]], Unlimited()))
    assert Engine.calls == []


@pytest.mark.usefixtures("vllm")
def test_what_the_engine_gives_up_is_a_failed_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def given_up(self: Engine, ids: list[int], one: Parameters) -> Any:
        output = SimpleNamespace(text="half", token_ids=[1, 2], finish_reason="abort", cumulative_logprob=None)
        return SimpleNamespace(outputs=[output], prompt_logprobs=None)

    monkeypatch.setattr(Engine, "_one", given_up)
    teacher = made("teacher", "vllm", checkpoint=write_llama(tmp_path))
    ((_, row),) = teacher.complete([Draw(prompt("What?"), 0, 5)], Sampling(4, 0.0, 1.0, 1, ()), Unlimited())
    assert (row.text, row.finish_reason, row.reason) == ("", "failed", "vLLM ended it: abort")


@pytest.mark.usefixtures("vllm")
def test_an_engine_that_does_not_start_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Engine, **settings: Any) -> None:
        raise RuntimeError("Failed to infer device type")

    monkeypatch.setattr(Engine, "__init__", broken)
    teacher = made("teacher", "vllm", checkpoint=write_llama(tmp_path))
    with pytest.raises(ConfigError, match=r"the engine does not start with .*Failed to infer device type"):
        list(teacher.complete([Draw(prompt("What?"), 0, 5)], Sampling(4, 0.0, 1.0, 1, ()), Unlimited()))


@pytest.mark.usefixtures("vllm")
def test_every_draw_is_handed_over_with_its_own_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Parameters] = []
    answer = Engine._one

    def watched(self: Engine, ids: list[int], one: Parameters) -> Any:
        seen.append(one)
        return answer(self, ids, one)

    monkeypatch.setattr(Engine, "_one", watched)
    teacher = made("teacher", "vllm", checkpoint=write_llama(tmp_path))
    draws = [Draw(prompt("What?"), sample, 5) for sample in range(3)]
    list(teacher.complete(draws, Sampling(2, 0.7, 0.9, 3, ("zzz",)), Unlimited()))
    assert [one.seed for one in seen] == [draw.own_seed for draw in draws]
    assert {(one.n, one.temperature, one.top_p, one.max_tokens, tuple(one.stop)) for one in seen} == {
        (1, 0.7, 0.9, 2, ("zzz",))
    }


@pytest.mark.usefixtures("vllm")
def test_its_distributions_are_those_of_the_model(tmp_path: Path) -> None:
    folder = write_llama(tmp_path)
    teacher = made("teacher", "vllm", checkpoint=folder, draws_per_call=2)
    assert teacher.check_reading() == []
    pair = TargetPair((Segment("Where do fish live?"),), (Segment("the sea"),), "answer")
    local = made("teacher", "local", checkpoint=folder, device="cpu").language_model(64, 64)
    batch = local.encode([pair], [0])
    source, target = teacher.source(pair, 64), local.text.target(pair.target).ids
    account = Unlimited()
    texts = [TokenText((*source, *target), len(source))] * 3
    found = dict(teacher.distributions(texts, 30, account))
    assert Engine.calls == [2, 1]
    assert Engine.made[-1]["max_logprobs"] == 30
    assert account.settled == [(len(source) + len(target), 1)] * 3
    with torch.no_grad():
        logits = local.forward(batch).logits.at(learnt_places(batch.labels))
    expected = teacher_rows(logits, local.vocabulary_size, LogitRequest(8, 1.0, "float32"))
    for listed in found.values():
        read = listed_rows(listed, local.vocabulary_size, 8)
        assert read.ids is not None
        torch.testing.assert_close(read.ids, expected.ids)
        torch.testing.assert_close(read.log_probs, expected.log_probs, atol=1e-5, rtol=1e-5)
    with pytest.raises(ConfigError, match="do not fit the 128 tokens"):
        list(teacher.distributions([TokenText((1,) * 128, 1)], 30, account))
    assert len(dict(teacher.distributions(texts[:1], None, account))[0][0]) == logits.shape[-1]
    assert Engine.made[-1]["max_logprobs"] == -1, "an engine that lists more is started"
