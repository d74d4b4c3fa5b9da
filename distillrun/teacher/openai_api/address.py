"""The address of an API teacher's requests: nothing is sent to a place that must not see the key."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from distillrun.errors import ConfigError

ENDPOINTS = ("/chat/completions", "/completions")


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
