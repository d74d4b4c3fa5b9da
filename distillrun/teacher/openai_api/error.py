"""The errors of a request, and the reaction to each."""

import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

Kind = Literal[
    "lost", "unreached", "busy", "unsupported", "too_long", "filtered", "refused", "denied", "absent", "moved", "spent"
]
"""lost: no answer that can be read, though perhaps paid for. unreached: no connection. busy: asked to come again.
unsupported: a field of the request is not understood. too_long, filtered, refused: this one prompt. denied, absent,
moved, spent: every request will fare so, for the key, the URL or the model, a redirect, or the money."""

SYSTEM, STREAM = "system", "stream"
"""In the place of a field: the role that some chat templates do not know; answers that only come piece by piece."""

FIELDS = ("max_tokens", "temperature", "top_p", "stop", "seed", "logprobs", "top_logprobs")

_TOO_LONG = re.compile(
    r"context_length_exceeded|(maximum|max) (context|input|prompt) length|context (length|window|size)"
    r"|string_above_max_length|prompt is too long|input token count .* exceeds|max_new_tokens` must be <=",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|forbidden|too (many|long)"
    r"|above_max|max_completion_tokens|invalid(?!_request)",
    re.IGNORECASE,
)

_ONLY_STREAMS = re.compile(
    r"only supports? (the )?stream|stream(ing)?['\"`]? (is required|must be (set to )?['\"`]?true|mode only)"
    r"|(does not|doesn't) support non-?stream|non-?streaming .{0,30}not (supported|allowed|permitted)",
    re.IGNORECASE,
)
_NO_SYSTEM = re.compile(
    r"system['\"`]?( role| messages?| prompts?)?( is| are)? not (supported|allowed|permitted)"
    r"|(support|accept|allow) (a |the )?['\"`]?system|developer instruction is not enabled|roles must alternate",
    re.IGNORECASE,
)

_STATUS_OF = {
    **dict.fromkeys(("rate_limit_exceeded", "rate_limit_error", "insufficient_quota"), 429),
    **dict.fromkeys(("invalid_api_key", "authentication_error"), 401),
    **dict.fromkeys(("model_not_found", "not_found_error"), 404),
    **dict.fromkeys(("context_length_exceeded", "invalid_request_error"), 400),
    **dict.fromkeys(("server_error", "internal_server_error", "api_error", "overloaded_error"), 500),
    "permission_error": 403,
}
"""The HTTP status with which OpenAI's and Anthropic's servers send a code or type of error."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """A request that failed.

    Attributes:
        kind: what is to be done about it.
        reason: in one line, safe to show.
        answered: the server answered with an HTTP error, so nothing was paid.
        field: of the request, that is not understood; empty otherwise.
        wait_s: how long the server asks to wait; None where it does not say.
    """

    kind: Kind
    reason: str
    answered: bool
    field: str = ""
    wait_s: float | None = None


def status_trouble(status: int, headers: Mapping[str, str], text: str, hide: Callable[[str], str]) -> ApiError:
    """Return what an HTTP error means; `text` is its body."""
    detail = _detail(text)
    said = shown(hide(f"{detail.message or text}"))
    reason = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if status < 400:
        return ApiError("moved", f"HTTP {status} to {shown(hide(headers.get('location', 'nowhere')))}", True)
    if status in (400, 413, 422, 500) and (status == 413 or _TOO_LONG.search(f"{detail.code} {detail.message}")):
        return ApiError("too_long", reason, True)
    if status in (400, 422, 500) and _NO_SYSTEM.search(detail.message):
        return ApiError("unsupported", reason, True, SYSTEM)
    if status in (400, 422) and _ONLY_STREAMS.search(detail.message):
        return ApiError("unsupported", reason, True, STREAM)
    if "content_filter" in detail.code or "content management policy" in detail.message:
        return ApiError("filtered", reason, True)
    if status == 402 or "insufficient_quota" in detail.code:
        return ApiError("spent", reason, True)
    if status in (401, 403):
        return ApiError("denied", reason, True)
    if status in (404, 405):
        return ApiError("absent", reason, True)
    if status in (408, 409, 425, 429) or status >= 500:
        return ApiError("busy", reason, True, wait_s=_wait_s(headers))
    field = _unsupported_field(detail)
    return ApiError("unsupported" if field else "refused", reason, True, field)


def error_status(content: bytes) -> int | None:
    """Return the HTTP status that an answer names in its body though it came as a good one; None where it does not."""
    if b'"error"' not in content:
        return None
    try:
        payload = json.loads(content)
    except (ValueError, RecursionError):
        return None
    error = payload.get("error") if isinstance(payload, dict) and not payload.get("choices") else None
    if not isinstance(error, dict):
        return None
    code = str(error.get("code"))
    if re.fullmatch(r"[45][0-9][0-9]", code, re.ASCII):
        return int(code)
    return next((status for name in (code, str(error.get("type"))) if (status := _STATUS_OF.get(name))), None)


def shown(text: str) -> str:
    """Return a server's words so that they can be shown: one line of printable characters, not too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 300 else f"{line[:297]}..."


@dataclass(frozen=True, slots=True)
class _Detail:
    """The parts of an error body, of which servers have several forms; `code` holds its type, too."""

    message: str
    code: str
    field: str


def _detail(text: str) -> _Detail:
    try:
        return _detail_of(json.loads(text))
    except (ValueError, RecursionError):
        return _Detail(text[:2000], "", "")


def _detail_of(body: Any) -> _Detail:
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return _Detail(str(error)[:2000], "", "")
    message, place = error.get("message") or error.get("detail") or "", ""
    if isinstance(message, list) and message and isinstance(message[0], dict):  # as FastAPI reports a wrong field
        location = message[0].get("loc")
        place = str(location[-1]) if isinstance(location, list) and location else ""
        message = f"{place}: {message[0].get('msg')} ({message[0].get('type')})"
    return _Detail(str(message)[:2000], f"{error.get('code')} {error.get('type')}", str(error.get("param") or place))


def _unsupported_field(detail: _Detail) -> str:
    """Return the field that the server does not understand; empty where its trouble is another."""
    if not _UNSUPPORTED.search(f"{detail.code} {detail.message}"):
        return ""
    if detail.field in FIELDS and (detail.field != "max_tokens" or "max_completion_tokens" in detail.message):
        return detail.field
    named = [field for field in FIELDS if re.search(rf"['\"`]{field}['\"`]", detail.message)]
    if "max_tokens" in named and "max_completion_tokens" not in detail.message:
        named.remove("max_tokens")
    return named[0] if named else ""


def _wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `retry-after-ms` or `retry-after`, a number or a date, asks for."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            wait_s = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        return max(wait_s, 0.0) if math.isfinite(wait_s) else None
    try:
        return max(parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
