"""A streamed answer, put together as if it had come at once."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from distillrun.teacher.openai_api.answer import UnreadableError

_TEXTS = ("content", "text", "refusal", "reasoning_content", "reasoning")
"""What pieces add to."""


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
        for name in _TEXTS if isinstance(delta, dict) else ():
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
