"""vLLM's engine: how it is started, and what it hands back, as records."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from distillrun.errors import ConfigError, install
from distillrun.records import Completion, ScoredContinuation
from distillrun.text.thinking import first_stop

INSTALL = f"teacher=vllm needs the package vllm, in an environment of its own; {install('vllm')}"


def start_engine(settings: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return a `vllm.LLM` of these settings, and vLLM's class of sampling parameters.

    Raises:
        ConfigError: there is no vLLM, or its engine does not start, as without a GPU or with too little memory on it.
    """
    try:
        import vllm
    except ImportError as error:
        raise ConfigError(INSTALL) from error
    try:
        return vllm.LLM(**settings), vllm.SamplingParams
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigError(
            f"teacher=vllm: the engine does not start with {dict(settings)}: {error}; vLLM's own log above says more"
        ) from error


def completion_of(
    output: Any, prompt_tokens: int, teacher: str, opening: str = "", stop: tuple[str, ...] = ()
) -> Completion:
    """Return a vLLM `CompletionOutput` as a completion; one that the engine gave up is failed.

    Args:
        output: of the engine.
        prompt_tokens: of its prompt.
        teacher: who asked.
        opening: what stands before the text and belongs to it.
        stop: stop texts that the engine did not get.
    """
    written = len(output.token_ids)
    if output.finish_reason not in ("stop", "length"):
        reason = f"vLLM ended it: {output.finish_reason}"
        return Completion("", "failed", prompt_tokens, written, teacher=teacher, reason=reason)
    finish_reason: Literal["stop", "length"] = output.finish_reason
    log_prob = None if output.cumulative_logprob is None else float(output.cumulative_logprob)
    text = opening + str(output.text)
    discarded = 0
    if (found := first_stop(text, stop)) is not None:
        discarded = round(written * (len(text) - found[1]) / len(text))
        text, finish_reason, log_prob = text[: found[0]], "stop", None
    return Completion(text, finish_reason, prompt_tokens, written, discarded, log_prob, teacher)


def score_of(prompt_logprobs: Sequence[Any], ids: Sequence[int]) -> ScoredContinuation:
    """Return the score of the last ids of a prompt; vLLM lists each prompt token and the likeliest one."""
    places = prompt_logprobs[len(prompt_logprobs) - len(ids) :]
    total = sum(float(listed[token].logprob) for listed, token in zip(places, ids, strict=True))
    return ScoredContinuation(total, len(ids))


def listed_of(prompt_logprobs: Sequence[Any], begin: int) -> list[dict[int, float]]:
    """Return the log-probs by id of each prompt token from `begin` on."""
    return [{int(token): float(one.logprob) for token, one in listed.items()} for listed in prompt_logprobs[begin:]]
