"""The server of an API teacher: its URL, and its key, which is read from the environment and never shown."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from distillrun.errors import ConfigError

ENDPOINTS = ("/chat/completions", "/completions")

SHORTEST_SECRET = 8
"""Keys below this length are words such as `none`, and are not hidden: that would mangle texts and protect nothing."""

_ASKED = {"model", "messages", "prompt", "n", "best_of", "echo", "stream", "stream_options", "logprobs", "top_logprobs"}
_SAMPLED = {"max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "seed"}

OWN_FIELDS = frozenset(_ASKED | _SAMPLED)
"""What the client itself puts into a request; `extra_body` must not replace it."""

_SECRET_NAME = re.compile(
    r"api_?key|secret|passw|authori[sz]ation|bearer|credential|(access|auth)_?token|^token$", re.I
)
_SECRET_VALUE = re.compile(r"^\s*(sk-|gsk_|hf_|xai-|bearer\s)", re.I)


@dataclass(frozen=True, slots=True)
class Address:
    """A server's base URL, taken apart."""

    host: str
    path: str
    is_loopback: bool


def read_address(base_url: str) -> Address:
    """Return where a base URL leads. Raises ConfigError for one that a key should not be sent to."""
    example = "such as http://127.0.0.1:8000/v1 or https://api.openai.com/v1"
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(f"teacher.base_url cannot be read as a URL; give one {example}") from None
    if "@" in base_url or parts.query or parts.fragment:
        raise ConfigError(
            "teacher.base_url holds a user name, a query or a fragment, which often hold keys; give the bare"
            f" URL, {example}, and the key by teacher.api_key_env"
        )
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.:-]+", host):
        raise ConfigError(f"teacher.base_url={base_url!r} is not an http or https URL; give one {example}")
    if not re.fullmatch(r"[\w.~/%:+-]*", parts.path, re.ASCII):
        raise ConfigError(
            f"teacher.base_url={base_url!r} holds characters that a path may not have; give one {example}"
        )
    address = Address(host, parts.path.rstrip("/"), _is_loopback(host))
    for endpoint in ENDPOINTS:
        if address.path.endswith(endpoint):
            raise ConfigError(f"teacher.base_url={base_url} ends in the endpoint; leave out {endpoint}")
    if parts.scheme == "http" and not address.is_loopback:
        raise ConfigError(
            f"teacher.base_url={base_url} would send prompts and key over the network unencrypted; use https, or open"
            f" a tunnel (ssh -L 8000:localhost:{parts.port or 80} {host}) and give http://127.0.0.1:8000{address.path}"
        )
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Secret:
    """A key that can be used and hidden, but not printed."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(...)"

    @property
    def value(self) -> str:
        """The value that is sent; a server without a key gets a placeholder, since the client must send one."""
        return self._value or "none"

    def hide(self, text: str) -> str:
        """Return a text with the key taken out."""
        if self._value is None or len(self._value) < SHORTEST_SECRET:
            return text
        return text.replace(self._value, "[key]")


def name_problems(api_key_env: str | None) -> list[str]:
    """Return a complaint if this is not the name of a variable. It is not shown: it may be the key itself."""
    if api_key_env is None or re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", api_key_env):
        return []
    return [
        "teacher.api_key_env must be the name of an environment variable in capitals, such as OPENAI_API_KEY, and this"
        " value is not (it is hidden, since it may be a key); put the key into the variable: export OPENAI_API_KEY=..."
    ]


def read_secret(api_key_env: str | None) -> Secret:
    """Return the key from the environment. Raises ConfigError that names the variable if it is not there."""
    if api_key_env is None:
        return Secret(None)
    value = os.environ.get(api_key_env, "").strip()
    if not value:
        raise ConfigError(
            f"teacher.api_key_env={api_key_env}: the environment has no such variable, or it is empty; export "
            f"{api_key_env}=..., or set teacher.api_key_env=null for a server without a key"
        )
    if not re.fullmatch(r"[!-~]+", value):
        raise ConfigError(
            f"teacher.api_key_env={api_key_env}: the variable holds blanks or characters that no header can carry; "
            f"export {api_key_env}=... with the bare key"
        )
    return Secret(value)


def body_problems(extra_body: Mapping[str, Any]) -> list[str]:
    """Return what `extra_body` must not hold: fields that the client sets itself, and what looks like a secret."""
    own = sorted(OWN_FIELDS & extra_body.keys())
    problems = [f"teacher.extra_body.{name} is set by teacher and sampling; take it out" for name in own]
    if any(_SECRET_NAME.search(name) or _SECRET_VALUE.search(text) for name, text in _texts(extra_body)):
        problems.append(
            "teacher.extra_body holds what looks like a secret (not shown); take it out, and give the key by "
            "teacher.api_key_env"
        )
    return problems


def _texts(value: Any, name: str = "") -> Iterable[tuple[str, str]]:
    """Yield (name, text) of everything in a nested value; the text of what is none is empty."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key), ""
            yield from _texts(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, name)
    else:
        yield name, value if isinstance(value, str) else ""
