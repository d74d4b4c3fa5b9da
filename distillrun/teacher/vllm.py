"""vLLM's offline engine on this machine's GPUs: the fastest way to ask a large open model."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from distillrun.errors import ConfigError
from distillrun.interfaces import Account, Reservation, Task
from distillrun.language_model.checkpoint import CheckpointReference
from distillrun.language_model.loading import Chat, Dtype
from distillrun.records import (
    Budget,
    Completion,
    Draw,
    Json,
    Price,
    Prompt,
    Sampling,
    ScoredContinuation,
    TargetPair,
    TokenText,
)
from distillrun.teacher.local_checkpoint.pair_format import PairFormat
from distillrun.teacher.local_checkpoint.prompting import Prompting
from distillrun.teacher.local_checkpoint.vllm_engine import (
    INSTALL,
    completion_of,
    listed_of,
    score_of,
    start_engine,
)
from distillrun.teacher.shared.reserving import reserved_parts
from distillrun.text.thinking import was_cut

if TYPE_CHECKING:
    from distillrun.teacher.local_checkpoint.prompt import PromptTokenizer


MOST_LISTED = 20
"""How many log-probs vLLM lists for each token unless it is told otherwise."""


@dataclass(eq=False)
class Vllm:
    """vLLM in calls of some thousand prompts, with prefix caching; every draw has its own seed.

    Args:
        checkpoint, revision, chat, chat_options, block_separator, reply_separator: as of `Local`.
        dtype: of weights and arithmetic; auto = as stored.
        quantization: a method of vLLM's, such as awq or fp8; None = as the checkpoint says.
        tensor_parallel_size: GPUs that share the model.
        gpu_memory_utilization: share of each GPU's memory that it may take, in (0, 1].
        max_model_len: tokens of prompt and text together; None = the model's own.
        draws_per_call: draws that are handed over at once; what a kill can lose.
        price_per_million, budget: what its tokens are taken to cost, and the most that may be asked.
        target_separator: as of `Local`.
    """

    checkpoint: str | None
    revision: str
    dtype: Dtype
    quantization: str | None
    tensor_parallel_size: int
    gpu_memory_utilization: float
    max_model_len: int | None
    chat: Chat
    block_separator: str
    reply_separator: str
    draws_per_call: int
    price_per_million: Price
    budget: Budget
    chat_options: Mapping[str, Any] = field(default_factory=dict)
    target_separator: str = "\n"
    _engine: tuple[Any, Any] | None = field(init=False, default=None, repr=False)
    _most_listed: float = field(init=False, default=0, repr=False)
    _thinks: bool = field(init=False, default=False, repr=False)

    can = frozenset({"complete", "score"})

    @property
    def name(self) -> str:
        return PurePath(self.checkpoint or "vllm").name

    def check(self, task: Task) -> list[str]:
        if self.checkpoint is None:
            return ["teacher.checkpoint is not set; set it to a model's folder, or to its name on the Hugging Face Hub"]
        problems = [] if find_spec("vllm") else [INSTALL]
        problems += self._reference.problems()
        for name in ("tensor_parallel_size", "draws_per_call"):
            if getattr(self, name) < 1:
                problems.append(f"teacher.{name}={getattr(self, name)} must be 1 or more")
        if not 0 < self.gpu_memory_utilization <= 1:
            problems.append(
                f"teacher.gpu_memory_utilization={self.gpu_memory_utilization} must be above 0 and at most 1"
            )
        return problems

    def identity(self) -> Mapping[str, Json]:
        return {
            **self._reference.identity(),
            "engine": "vllm",
            "dtype": self.dtype,
            "quantization": self.quantization,
            "max_model_len": self.max_model_len,
            **self._prompting.identity(),
        }

    def prompt_tokens(self, prompt: Prompt) -> int:
        return len(self._prompts.ids(prompt.messages))

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        engine, parameters = self._loaded()
        sources = [list(self._prompts.ids(draw.prompt.messages)) for draw in draws]
        limit = int(engine.llm_engine.model_config.max_model_len)
        fitting = [index for index, source in enumerate(sources) if len(source) < limit]
        for index in sorted(set(range(len(draws))) - set(fitting)):
            yield index, Completion("", "too_long", 0, 0, teacher=self.name, reason="too long")
        costs = [(len(source), min(sampling.max_new_tokens, limit - len(source))) for source in sources]

        def written(indices: Sequence[int]) -> list[Completion]:
            settings = [
                parameters(
                    n=1,
                    temperature=sampling.temperature,
                    top_p=sampling.top_p,
                    max_tokens=costs[index][1],
                    stop=[] if self._thinks else list(sampling.stop),
                    seed=draws[index].own_seed,
                    logprobs=1,
                )
                for index in indices
            ]
            asked = [{"prompt_token_ids": sources[index]} for index in indices]
            outputs = engine.generate(asked, settings, use_tqdm=False) if asked else []
            stop = sampling.stop if self._thinks else ()
            return [
                completion_of(output.outputs[0], len(sources[index]), self.name, self._prompts.opening, stop)
                for index, output in zip(indices, outputs, strict=True)
            ]

        self._thinks = self._thinks or bool(self._prompts.opening)
        for part in self._calls(fitting, costs, account):
            indices = [index for index, _ in part]
            found = dict(zip(indices, written(indices), strict=True))
            if not self._thinks and (cut := [index for index in indices if was_cut(found[index])]):
                self._thinks = True  # its stop texts end what it thinks, so it gets none from now on
                found |= zip(cut, written(cut), strict=True)
            for index, reservation in part:
                made = found[index]
                reservation.settle(made.prompt_tokens, made.completion_tokens)
                yield index, made

    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[Sequence[str]], account: Account
    ) -> Iterator[tuple[int, tuple[ScoredContinuation, ...]]]:
        """Score texts that go on from the prompts, as `Local.score` does.

        vLLM reads no prefix from its cache where log-probs of prompts are asked for, and always writes a token: a
        prompt is computed, and counted, once for each continuation.

        Raises:
            ConfigError: a prompt is too long.
        """
        engine, parameters = self._loaded()
        limit = int(engine.llm_engine.model_config.max_model_len)
        scorings = [
            self._prompts.scoring(prompt.messages, own) for prompt, own in zip(prompts, continuations, strict=True)
        ]
        sources, ends = [one.source for one in scorings], [one.ends for one in scorings]
        longest = max((len(s) + len(ids) for s, own in zip(sources, ends, strict=True) for ids in own), default=0)
        if longest >= limit:
            raise ConfigError(
                f"a prompt and its continuation have {longest} tokens, and teacher.checkpoint={self.checkpoint} takes"
                f" {limit - 1} plus the one that it writes; shorten the prompt, or raise teacher.max_model_len"
            )
        costs = [(sum(len(s) + len(ids) for ids in own), len(own)) for s, own in zip(sources, ends, strict=True)]
        for part in self._calls(range(len(prompts)), costs, account):
            asked = [(index, ids) for index, _ in part for ids in ends[index]]
            outputs = engine.generate(
                [{"prompt_token_ids": [*sources[index], *ids]} for index, ids in asked],
                parameters(n=1, temperature=0.0, max_tokens=1, prompt_logprobs=1),
                use_tqdm=False,
            )
            scores = (score_of(output.prompt_logprobs, ids) for (_, ids), output in zip(asked, outputs, strict=True))
            for index, reservation in part:
                reservation.settle(*costs[index])
                yield index, tuple(islice(scores, len(ends[index])))

    def scoring(self) -> Mapping[str, Json]:
        return self._prompting.scoring()

    def tokens(self) -> Mapping[str, int]:
        return self._pairs.tokens()

    def cut(self, text: str) -> Sequence[int]:
        return self._pairs.cut(text)

    def check_reading(self) -> list[str]:
        return self._pairs.problems()

    def reading(self) -> Mapping[str, Json]:
        weights = {**self._reference.identity(), "engine": "vllm", "dtype": self.dtype}
        return {**weights, "quantization": self.quantization, **self._pairs.identity()}

    def source(self, pair: TargetPair, max_source_tokens: int) -> Sequence[int]:
        return self._pairs.source(pair, max_source_tokens)

    def probe(self) -> None:
        """Return nothing: the engine is this package's own, and starts with the limits that it needs."""

    def distributions(
        self, texts: Sequence[TokenText], top_k: int | None, account: Account
    ) -> Iterator[tuple[int, Sequence[Mapping[int, float]]]]:
        engine, parameters = self._loaded(math.inf if top_k is None else top_k)
        limit = int(engine.llm_engine.model_config.max_model_len)
        if (longest := max((len(text.ids) for text in texts), default=0)) >= limit:
            raise ConfigError(
                f"a text of {longest} tokens, and the one that is written after it, do not fit the {limit} tokens of "
                f"teacher.checkpoint={self.checkpoint}; raise teacher.max_model_len, or lower student.max_source_tokens"
            )
        costs = [(len(text.ids), 1) for text in texts]
        for part in self._calls(range(len(texts)), costs, account):
            outputs = engine.generate(
                [{"prompt_token_ids": list(texts[index].ids)} for index, _ in part],
                parameters(n=1, temperature=1.0, max_tokens=1, prompt_logprobs=-1 if top_k is None else top_k),
                use_tqdm=False,
            )
            for (index, reservation), output in zip(part, outputs, strict=True):
                reservation.settle(*costs[index])
                yield index, listed_of(output.prompt_logprobs, texts[index].begin)

    def release(self) -> None:
        """Drop the engine, whose workers end with it."""
        self._engine = None

    def _calls(
        self, rows: Sequence[int], costs: Sequence[tuple[int, int]], account: Account
    ) -> Iterator[list[tuple[int, Reservation]]]:
        """Yield the draws of each call, reserved; ends where nothing more can be."""
        for begin in range(0, len(rows), self.draws_per_call):
            call = rows[begin : begin + self.draws_per_call]
            reserved = 0
            for part in reserved_parts(call, costs, account):
                reserved += len(part)
                yield part
            if reserved < len(call):
                return

    @cached_property
    def _reference(self) -> CheckpointReference:
        return CheckpointReference(self.checkpoint or "", self.revision, "teacher")

    @property
    def _prompts(self) -> "PromptTokenizer":
        return self._prompting.prompts

    @cached_property
    def _prompting(self) -> Prompting:
        settings = self.chat, self.chat_options, self.block_separator, self.reply_separator
        return Prompting(self._reference, *settings)

    @cached_property
    def _pairs(self) -> PairFormat:
        return PairFormat(self._prompting, self.target_separator)

    def _loaded(self, listed: float = MOST_LISTED) -> tuple[Any, Any]:
        """Return an engine that lists so many log-probs for each token, and vLLM's class of sampling parameters."""
        if self._engine is None or self._most_listed < listed:
            self.release()
            self._most_listed = max(listed, MOST_LISTED)
            settings = {
                "model": str(self._reference.folder()),
                "dtype": self.dtype,
                "quantization": self.quantization,
                "tensor_parallel_size": self.tensor_parallel_size,
                "gpu_memory_utilization": self.gpu_memory_utilization,
                "max_model_len": self.max_model_len,
                "enable_prefix_caching": True,
                "trust_remote_code": False,
                "seed": 0,
                "max_logprobs": -1 if self._most_listed == math.inf else int(self._most_listed),
            }
            self._engine = start_engine(settings)
        return self._engine
