"""The log-probs of a prompt's tokens, as vLLM's and SGLang's servers list them.

Read: vLLM's `vllm/entrypoints/openai/completion/protocol.py` at 002032ee (`prompt_logprobs`, refused with `stream`, -1
for all, `choices[0].prompt_logprobs` by id, minus infinity as -9999) and its `_validate_logprobs` (`--max-logprobs`, 20
unless set); SGLang's `docs/basic_usage/sampling_params.md` at 0a0dd359 and the `add_input_logprob_return_values` of its
scheduler (lists begin at `logprob_start_len`, with null for that token itself). `prompt_logprob_token_ids` is a field
of vLLM's offline `SamplingParams` alone, and names ids beforehand, while a teacher's likeliest are not known then.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from distillrun.errors import ConfigError
from distillrun.process.background_loop import Gate
from distillrun.records import TokenText
from distillrun.teacher.openai_api.answer import LEAST_LOG_PROB, UnreadableError, is_log_prob, read_usage
from distillrun.teacher.openai_api.session import Ask, RowFailedError, Session

LogProbServer = Literal["vllm", "sglang"]
"""Whose schema the server follows."""

READING_BYTES = 2**28
"""Of an answer: 2,000 tokens with 1,000 ids each take about 150 MB."""

DIFFERING_SHARE = 0.1
"""Of the listed ids whose texts differ from the tokenizer's, above which it is another tokenizer. Versions of the
engines write a few tokens, such as parts of characters, in different ways."""

_TOO_MANY = re.compile(r"logprobs? of (\d+), which is greater than max allowed: (\d+)")

Listed = list[tuple[int, float, str | None]]
"""Ids of one position with their log-probs, and their texts where the server gives them."""


@dataclass(frozen=True)
class DistributionAsker:
    """Asks one server for the distributions of texts.

    Attributes:
        session: with the server.
        base_url, model, extra_body, server: as of `teacher/Api`.
        decode: returns the text of an id; None where there is no such id.
    """

    session: Session
    base_url: str
    model: str
    extra_body: Mapping[str, Any]
    server: LogProbServer
    decode: Callable[[int], str | None]

    async def read(self, text: TokenText, top_k: int | None, gate: Gate, is_first: bool) -> list[dict[int, float]]:
        """Return the log-probs by id of each token of a text from its `begin` on.

        Args:
            text: as ids.
            top_k: how many of the likeliest ids are wanted; None = all.
            gate: lets the request out.
            is_first: the texts of the listed ids are held against the tokenizer's.

        Raises:
            ConfigError: the server gives no log-probs of prompts, fewer than are wanted, or those of another tokenizer.
        """
        url, body = (self._sglang if self.server == "sglang" else self._vllm)(text, top_k, is_first)
        request = Ask(
            lambda dialect: body, (len(text.ids), 1), lambda payload: self._read(payload, text, is_first), url=url
        )
        try:
            return await self.session.ask(request, gate)
        except RowFailedError as failed:
            raise ConfigError(self._refusal(failed, text, top_k)) from None

    def _vllm(self, text: TokenText, top_k: int | None, is_first: bool) -> tuple[str, dict[str, Any]]:
        listed = -1 if top_k is None else top_k
        asked = {"model": self.model, "prompt": list(text.ids), "prompt_logprobs": listed}
        return "/completions", {**self.extra_body, **asked, "max_tokens": 1, "temperature": 1.0}

    def _sglang(self, text: TokenText, top_k: int | None, is_first: bool) -> tuple[str, dict[str, Any]]:
        if top_k is None:
            raise ConfigError(
                "objective.top_k=null wants all ids, and SGLang's top_logprobs_num has no word for that; set "
                "objective.top_k=64, or read from a server of vLLM's"
            )
        root = self.base_url.rstrip("/").removesuffix("/v1")
        asked = {"return_logprob": True, "logprob_start_len": text.begin - 1, "top_logprobs_num": top_k}
        sampling = {"max_new_tokens": 1, "temperature": 1.0}
        body = {"input_ids": list(text.ids), "sampling_params": sampling, "return_text_in_logprobs": is_first}
        return f"{root}/generate", {**self.extra_body, **asked, **body}

    def _read(self, payload: Any, text: TokenText, is_first: bool) -> tuple[list[dict[int, float]], tuple[int, int]]:
        """Return what an answer lists, and what it cost."""
        if not isinstance(payload, dict):
            raise UnreadableError("its JSON is no object")
        usage = payload.get("meta_info" if self.server == "sglang" else "usage")
        cost = read_usage(usage)[0] or (len(text.ids), 1)
        listed = (_sglang_listed if self.server == "sglang" else _vllm_listed)(payload)
        if listed is None:
            raise ConfigError(
                f"teacher.base_url={self.base_url} answers without log-probs of the prompt, which servers of vLLM's "
                "(teacher.log_prob_server=vllm) and SGLang's (sglang) give, and hosted APIs mostly do not; read from "
                "such a server, or choose teacher@logit_teacher=local"
            )
        wanted = text.ids[text.begin :]
        listed = listed[-len(wanted) :]
        read = [{token for token, _, _ in one} for one in listed]
        if len(read) != len(wanted) or not all(token in ids for token, ids in zip(wanted, read, strict=True)):
            raise ConfigError(
                f"teacher.base_url={self.base_url} lists log-probs of other tokens than the {len(text.ids)} that it "
                f"was sent; check that it is a server of {self.server}'s (teacher.log_prob_server)"
            )
        if is_first:
            self._check_tokenizer([entry for one in listed for entry in one])
        return [{token: value for token, value, _ in one} for one in listed], cost

    def _check_tokenizer(self, entries: Listed) -> None:
        """Raise a ConfigError if the server's ids mean other texts than the tokenizer's."""
        told = {token: said for token, _, said in entries if said is not None and "\ufffd" not in said}
        own = {token: self.decode(token) for token in told}
        differing = [token for token in sorted(told) if (own[token] or "").strip() != told[token].strip()]
        if len(differing) > DIFFERING_SHARE * len(told):
            token = differing[0]
            raise ConfigError(
                f"teacher.tokenizer is not that of teacher.model={self.model}: id {token} is {own[token]!r} in it and "
                f"{told[token]!r} to the server ({len(differing)} of {len(told)} ids differ); give the served "
                "model's own"
            )

    def _refusal(self, failed: RowFailedError, text: TokenText, top_k: int | None) -> str:
        where = f"teacher.base_url={self.base_url}"
        if failed.finish_reason == "too_long":
            return (
                f"a text of {len(text.ids)} tokens, and the one that is written after it, do not fit the context of "
                f"{where}; start the server with a longer one (--max-model-len), or lower student.max_source_tokens"
            )
        if found := _TOO_MANY.search(failed.reason):
            wanted = "all" if top_k is None else top_k
            return (
                f"objective.top_k={'null' if top_k is None else top_k} wants {wanted} log-probs for each token, and "
                f"{where} gives {found[2]} at most; start it with --max-logprobs {-1 if top_k is None else top_k}, or "
                f"set objective.top_k={found[2]}"
            )
        return (
            f"{where} did not read a text of {len(text.ids)} tokens ({failed.reason}); the log-probs of prompts need a "
            "server of vLLM's or SGLang's, see teacher.log_prob_server"
        )


def _vllm_listed(payload: Mapping[str, Any]) -> list[Listed] | None:
    """Return what each prompt token lists; None where the server lists nothing."""
    choices = payload.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    listed = choice.get("prompt_logprobs") if isinstance(choice, dict) else None
    if not isinstance(listed, list):
        return None
    return [_listed_by_id(one) for one in listed]


def _listed_by_id(one: Any) -> Listed:
    if one is None:  # of the first token nothing is known
        return []
    if not isinstance(one, dict) or not all(isinstance(entry, dict) for entry in one.values()):
        raise UnreadableError("its prompt_logprobs are not lists by id")
    return [_entry(entry.get("logprob"), token, entry.get("decoded_token")) for token, entry in one.items()]


def _sglang_listed(payload: Mapping[str, Any]) -> list[Listed] | None:
    """Return what each prompt token from the one before `begin` on lists; None where the server lists nothing."""
    about = payload.get("meta_info")
    names = ("input_top_logprobs", "input_token_logprobs")
    listed, own = (about.get(name) if isinstance(about, dict) else None for name in names)
    if not isinstance(listed, list) or not isinstance(own, list) or len(listed) != len(own):
        return None
    found: list[Listed] = []
    for likeliest, token in zip(listed, own, strict=True):
        entries = [] if likeliest is None else [token, *likeliest]  # of the first one nothing is known
        if not all(isinstance(entry, list) and len(entry) == 3 for entry in entries):
            raise UnreadableError("its input_top_logprobs are not lists of log-prob, id and text")
        found.append([_entry(*entry) for entry in entries])
    return found


def _entry(value: Any, token: Any, said: Any) -> tuple[int, float, str | None]:
    """Return an id with its log-prob and text. Raises UnreadableError."""
    if not is_log_prob(value) or not str(token).isdecimal():
        raise UnreadableError(f"it lists the log-prob {value!r:.40} of the id {token!r:.40}")
    return int(token), float(min(max(value, LEAST_LOG_PROB), 0.0)), said if isinstance(said, str) else None


def texts_of(tokenizer: Any) -> Callable[[int], str | None]:
    """Return a function that returns the text of an id; None where a tokenizer has no such id."""
    count = len(tokenizer)

    def text(token: int) -> str | None:
        return str(tokenizer.decode([token])) if token < count else None

    return text
