"""The request body: a draw as JSON, in the dialect that the server understands."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from distillrun.errors import ConfigError
from distillrun.language_model.plain_text import plain_text, without_system
from distillrun.records import Draw, Message, Prompt, Sampling
from distillrun.teacher.openai_api.error import STREAM, SYSTEM

Endpoint = Literal["chat", "completion"]

HOSTED_STOP_TEXTS = 4
"""How many stop texts OpenAI's own servers take."""

TOKENS_PER_MESSAGE = 16
"""More than what the known chat templates put around a message."""

_log = logging.getLogger(__name__)


class Dialect:
    """The parameters that the server rejects; learnt from its refusals, and kept for the session."""

    def __init__(self) -> None:
        self.length_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
        self.stop_texts: int | None = None
        """How many stop texts are sent, None = all: completions are cut at the others when they arrive."""
        self.sends_seed = True
        self.sends_top_p = True
        self.streams = False
        """The server answers piece by piece or not at all."""

        self.has_system = True
        """The server takes system messages; else their text opens the first user message, as for local teachers."""

    def spares_thinking(self, body: Mapping[str, Any]) -> bool:
        """Send no more stop texts, which end the thinking of this model; return whether a request had sent some."""
        if "stop" in body and self.stop_texts != 0:
            self.stop_texts = 0
            _log.warning(
                "teacher=api: the server applies stop texts to what the model thinks; completions run on from now, are"
                " paid for, and are cut here"
            )
        return "stop" in body

    def adapt(self, field: str, body: Mapping[str, Any]) -> bool:
        """Leave out a field that the server refused; return False if it is needed as it stands.

        Raises:
            ConfigError: the field is a setting that can neither be left out in silence nor made up for.
        """
        if field == STREAM and "stream" not in body:
            self.streams = True
            _log.info("teacher=api: the server only answers in a stream")
            return True
        if field == SYSTEM:
            if not any(message["role"] == "system" for message in body.get("messages", ())):
                return False
            self.has_system = False
            _log.info("teacher=api: the server takes no system messages; their text opens the first user message")
            return True
        if field not in body:
            return False
        if field == "max_tokens":
            self.length_field = "max_completion_tokens"
            _log.info("teacher=api: the server expects max_completion_tokens instead of max_tokens")
        elif field == "stop":
            self.stop_texts = HOSTED_STOP_TEXTS if len(body["stop"]) > HOSTED_STOP_TEXTS else 0
            _log.warning(
                "teacher=api: the server takes %s stop texts, so completions run on, are paid for, and are cut here",
                f"only {self.stop_texts}" if self.stop_texts else "no",
            )
        elif field == "seed":
            self.sends_seed = False
            _log.warning(
                "teacher=api: the server takes no seed, so the same draw may give another text when asked again"
            )
        elif field == "top_p" and body["top_p"] == 1:
            self.sends_top_p = False
            _log.info("teacher=api: the server takes no top_p; its default is assumed to be 1, as asked")
        elif field in ("temperature", "top_p"):
            raise ConfigError(
                f"teacher.model={body['model']} takes no sampling.{field}={body[field]}; set the step's"
                f" sampling.{field} to 1, or choose another model"
            )
        elif field in ("logprobs", "top_logprobs"):
            raise ConfigError(
                f"teacher.model={body['model']} does not return these log-probs; set teacher.log_probs=false, and a "
                "lower"
                " teacher.top_log_probs, or 0"
            )
        else:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Writer:
    """The writer of requests, by the settings of `teacher/Api`."""

    model: str
    endpoint: Endpoint
    block_separator: str
    reply_separator: str
    extra_body: Mapping[str, Any]
    seed_requests: bool
    log_probs: bool

    def draw(self, draw: Draw, sampling: Sampling, dialect: Dialect) -> dict[str, Any]:
        """Return the request for one completion. `n` is left out: some servers mishandle it."""
        body = self._about(draw.prompt, dialect, sampling.max_new_tokens, sampling.temperature)
        if dialect.sends_top_p:
            body["top_p"] = sampling.top_p
        stop = list(sampling.stop[: dialect.stop_texts])
        if stop:
            body["stop"] = stop
        if self.seed_requests and dialect.sends_seed:
            body["seed"] = draw.own_seed
        if self.log_probs:
            body["logprobs"] = True if self.endpoint == "chat" else 1
        return body

    def next_token(self, prompt: Prompt, top: int, dialect: Dialect) -> dict[str, Any]:
        """Return the request for the log-probs of the `top` likeliest next tokens, at temperature 1: undistorted."""
        body = self._about(prompt, dialect, 1, 1.0)
        listed = {"logprobs": True, "top_logprobs": top} if self.endpoint == "chat" else {"logprobs": top}
        return {**body, **listed}

    def prompt_token_bound(self, messages: Sequence[Message]) -> int:
        """Return more tokens than any tokenizer makes of a prompt: no token is shorter than a byte."""
        return sum(_bytes(message.content) + TOKENS_PER_MESSAGE for message in messages)

    def estimated_tokens(self, messages: Sequence[Message]) -> int:
        """Return about how many tokens a prompt has."""
        return sum(estimated_tokens(message.content) + 4 for message in messages)

    def _about(self, prompt: Prompt, dialect: Dialect, length: int, temperature: float) -> dict[str, Any]:
        body: dict[str, Any] = {
            **self.extra_body,
            "model": self.model,
            dialect.length_field: length,
            "temperature": temperature,
        }
        if dialect.streams:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if self.endpoint == "chat":
            messages = prompt.messages if dialect.has_system else without_system(prompt.messages)
            body["messages"] = [{"role": message.role, "content": message.content} for message in messages]
        else:
            body["prompt"] = plain_text(prompt.messages, self.block_separator, self.reply_separator)
        return body


def estimated_tokens(text: str) -> int:
    """Return about how many tokens a text has: one for four bytes, rounded up."""
    return -(-_bytes(text) // 4)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
