"""The answers of a server: JSON that claims to follow OpenAI's protocol; nothing is taken on trust."""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Tokens: TypeAlias = tuple[tuple[str, float], ...]
"""Texts of tokens with their log-probs in nats."""

MOST_TOKENS = 10**8
"""More tokens than any request takes: a server that counts more does not count."""

_STREAMED = ("content", "text", "refusal", "reasoning_content", "reasoning")
"""The texts that come piece by piece in a stream."""

_REASONING = ("reasoning_content", "reasoning", "thinking")
"""Where servers put what the model thought, when they take it out of the text."""

LEAST_LOG_PROB, ROUNDING = -1e6, 1e-3
"""A lower log-prob stands for minus infinity, which no file can hold; one may be above 0 by this much rounding."""


class UnreadableError(Exception):
    """An answer that does not follow the protocol; the message says how."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's one choice.

    Attributes:
        text: what was written; None where the server sent none.
        reasoning: what the model thought, where the server sends that apart; empty where it does not.
        refusal: what the model said through its refusal channel; empty where it did not refuse.
        finish: the server's own word for why it ended; empty where it gave none.
        usage: (prompt tokens, completion tokens); None where the server does not count.
        hidden_tokens: of the completion tokens, those of reasoning that is not part of the text.
        tokens: of the completion; None where the server gives no log-probs.
        first: the likeliest first tokens; None where the server does not list them, or not so that they can be read.
        lists_first: the server sent something in their place.
    """

    text: str | None
    reasoning: str
    refusal: str
    finish: str
    usage: tuple[int, int] | None
    hidden_tokens: int
    tokens: Tokens | None
    first: Tokens | None
    lists_first: bool


def read_answer(content: bytes, content_type: str) -> Answer:
    """Return what a body holds, of the chat or of the completion endpoint. Raises UnreadableError."""
    return _answer(read_json(content, content_type))


def read_json(content: bytes, content_type: str) -> Any:
    """Return the JSON of a body. Raises UnreadableError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        shown = content[:60].decode("utf-8", "replace")
        raise UnreadableError(f"it answered {content_type or 'something'} that is not JSON: {shown!r}") from None


def _answer(payload: Any) -> Answer:
    choices = payload.get("choices") if isinstance(payload, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise UnreadableError(f"its JSON holds no choices: {json.dumps(payload)[:200]}")
    choice = choices[0]
    message = choice.get("message", choice)
    if not isinstance(message, dict) or not {"content", "text", "refusal", *_REASONING} & message.keys():
        raise UnreadableError(f"its choice holds no text: {json.dumps(choice)[:200]}")
    text, parts = _joined(message.get("content", message.get("text")))
    reasoning = next((told for name in _REASONING if isinstance(told := message.get(name), str) and told), parts)
    refusal = message.get("refusal")
    finish = choice.get("finish_reason")
    for name, value in (("content", text), ("refusal", refusal), ("finish_reason", finish)):
        if not isinstance(value, str | None):
            raise UnreadableError(f"the {name} of its choice is not a text: {json.dumps(value)[:200]}")
    if finish in ("error", "abort"):
        raise UnreadableError(f"it broke off: finish_reason {finish}")
    usage, hidden = read_usage(payload.get("usage"))
    tokens, first, lists_first = _tokens(choice.get("logprobs"))
    written = None if text is None else whole(text)
    return Answer(
        written, whole(reasoning), whole(refusal or ""), finish or "", usage, hidden, tokens, first, lists_first
    )


def _joined(content: Any) -> tuple[Any, str]:
    """Return the text, and the thinking, of a content that comes in typed parts; of any other, itself."""
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return content, ""
    thought = [inner for part in content if isinstance(part.get("thinking"), list) for inner in part["thinking"]]
    texts = [[part.get("text") for part in parts if isinstance(part, dict)] for parts in (content, thought)]
    said, thinking = ("".join(text for text in part if isinstance(text, str)) for part in texts)
    return said, thinking


def whole(text: str) -> str:
    """Return a text in which lone halves of surrogate pairs, which no file can hold, are replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_usage(value: Any) -> tuple[tuple[int, int] | None, int]:
    """Return the prompt and completion tokens that a server counts, and those that are hidden; None if it does not."""
    if not isinstance(value, dict):
        return None, 0
    prompt, completion = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    details = value.get("completion_tokens_details")
    hidden = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    return (None if prompt is None or completion is None else (prompt, completion)), hidden or 0


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None


def _tokens(value: Any) -> tuple[Tokens | None, Tokens | None, bool]:
    """Return the tokens, the likeliest ones of the first place, and whether the server lists any there.

    Either endpoint's form of log-probs will do: some servers answer at one in the form of the other.
    """
    if not isinstance(value, dict):
        return None, None, False
    if isinstance(content := value.get("content"), list):
        listed = content[0].get("top_logprobs") if content and isinstance(content[0], dict) else None
        return _pairs(content), _pairs(listed), listed is not None
    texts, log_probs, tops = value.get("tokens"), value.get("token_logprobs"), value.get("top_logprobs")
    pairs = (
        list(zip(texts, log_probs, strict=False)) if isinstance(texts, list) and isinstance(log_probs, list) else None
    )
    top = tops[0] if isinstance(tops, list) and tops else None
    return _checked(pairs), _checked(list(top.items()) if isinstance(top, Mapping) else None), top is not None


def _pairs(value: Any) -> Tokens | None:
    if not isinstance(value, list) or not all(isinstance(token, dict) for token in value):
        return None
    return _checked([(token.get("token"), token.get("logprob")) for token in value])


def _checked(pairs: list[tuple[Any, Any]] | None) -> Tokens | None:
    """Return the pairs if every one is a text and a log-prob, else None: a part would be as good as wrong."""
    if pairs is None:
        return None
    if not all(isinstance(text, str) and is_log_prob(log_prob) for text, log_prob in pairs):
        return None
    return tuple((whole(text), float(min(max(log_prob, LEAST_LOG_PROB), 0.0))) for text, log_prob in pairs)


def is_log_prob(value: Any) -> bool:
    """Return whether a value is a finite number of at most about 0; it is not converted, since no float may hold it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and -sys.float_info.max <= value <= ROUNDING


def unstreamed(content: bytes, content_type: str) -> bytes:
    """Return an answer as one JSON object, and one that was never streamed as it is. Raises UnreadableError."""
    if "text/event-stream" not in content_type and not content.startswith(b"data:"):
        return content
    message: dict[str, str] = {}
    choice: dict[str, Any] = {}
    usage: Any = None
    ended = False
    for event in _events(content):
        if event is None:
            ended = True
            break
        if event.get("error"):
            return json.dumps(event).encode()
        usage = event.get("usage") or usage
        choices = event.get("choices")
        piece = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        delta = piece.get("delta", piece)
        for name in _STREAMED if isinstance(delta, dict) else ():
            if isinstance(delta.get(name), str):
                message[name] = message.get(name, "") + delta[name]
        choice["finish_reason"] = piece.get("finish_reason") or choice.get("finish_reason")
        _add_log_probs(choice, piece.get("logprobs"))
    if not ended and not choice.get("finish_reason"):
        raise UnreadableError("its stream broke off")
    whole = message if "text" in message else {"content": None, **message}
    return json.dumps({"choices": [{**choice, "message": whole}], "usage": usage}).encode()


def _events(content: bytes) -> Iterator[dict[str, Any] | None]:
    """Yield the JSON objects of a stream of server-sent events; None where it says that it is done."""
    for line in content.decode("utf-8", "replace").splitlines():
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            yield None
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise UnreadableError(f"its stream holds something that is not JSON: {data[:60]!r}") from None
        if isinstance(event, dict):
            yield event


def _add_log_probs(choice: dict[str, Any], piece: Any) -> None:
    """Add the lists of a piece's log-probs to those before it."""
    if isinstance(piece, Mapping):
        known = choice.setdefault("logprobs", {})
        for name, values in piece.items():
            if isinstance(values, list):
                known[name] = [*known.get(name, []), *values]
