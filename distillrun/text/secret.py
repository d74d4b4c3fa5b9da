"""Keys that stand where settings belong: how they look, and how they are kept out of files and messages."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from distillrun.errors import UnsafeError

HIDDEN = "[hidden]"
SHORTEST = 8
"""Characters of a variable's value; a shorter one is a word such as `none`, and is found in texts that hold no key."""

_KEYS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-(?:ant|proj|or|svcacct|admin|lf)-[A-Za-z0-9_-]{8,} | [rs]k_(?:live|test)_[A-Za-z0-9]{8,}
    | sk-(?:[A-Za-z0-9]+-)*(?:(?=[A-Za-z]*[0-9])[A-Za-z0-9]{10,}|[A-Za-z0-9]{14,})
    | (?:hf|gsk|r8|npm)_(?:(?=[A-Za-z]*[0-9])[A-Za-z0-9]{14,}|[A-Za-z0-9]{30,})
    | (?:xai|nvapi|pplx|tvly|csk)-(?:(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}|[A-Za-z0-9_-]{30,})
    | (?:gh[oprsu]_|github_pat_|glpat-|lsv2_pt_|pypi-Ag)[A-Za-z0-9_-]{14,} | dapi[0-9a-f]{32}
    | (?:AKIA|ASIA)[0-9A-Z]{12,}
    | xox[abeoprs]-[A-Za-z0-9-]{8,}
    | AIza[A-Za-z0-9_-]{20,} | ya29\.[A-Za-z0-9_-]{16,}
    | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}
    | eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?                          # a JSON web token
    | (?:[Bb]earer|BEARER)\s+[A-Za-z0-9._~+/-]{12,}=*
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    )""",
    re.VERBOSE,
)
_PLACES = (
    re.compile(r"(?<=://)[^\s/@:?#]*:([^\s/?#]+)@"),  # user:password@host
    re.compile(r"(?<=://)([^\s/@:?#]{20,})@"),  # token@host
    re.compile(
        r"[?&](?:[\w-]*[_-])?(?:api_?key|key|token|secret|passw(?:or)?d|pwd|auth|sig|signature|credential)=([^\s&#'\"]+)",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![A-Za-z])(?:password|passwd|pwd|(?:api|access|secret|account)_?key|(?:auth|access)_?token|client_?secret)"
        r"=([^\s;,&'\"]{6,})",
        re.IGNORECASE,
    ),
)
"""Places that hold keys and nothing else; the group is the key."""

_VARIABLE = re.compile(r"(?:KEY|KEY_ID|TOKEN|SECRET|PASSWORD|PASSWD|_PASS)$")
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_READS = re.compile(r"\$\{\s*oc\.env\s*:\s*([^,}]*)")
_COMPUTED = re.compile(r"\$\{[^:}]*\$\{[^}]*\}[^:}]*:")
_PRIVATE = re.compile(r"KEY|TOKEN|SECRET|PASS|CRED|AUTH|PRIVATE|COOKIE|SESSION|DSN|UR[IL]$", re.IGNORECASE)
_ENDS_IN_SECRET = re.compile(
    r"^token$|(^|_)(api_?key|access_?key|passw(or)?d|secret|credentials?|(api|auth|access|hub|hf)_token)$"
)

_CURES = {
    "base_url": "give the bare URL, and the NAME of the variable that holds the key by api_key_env",
    "uri": "set tracking.uri=null and give the address by the variable MLFLOW_TRACKING_URI",
    "storage": "use a storage without a password, such as sqlite:///study.db",
}
_CURE = (
    "take it out; keys are read from environment variables alone: the one that teacher.api_key_env names, HF_TOKEN, "
    "WANDB_API_KEY, MLFLOW_TRACKING_URI"
)


def secrets_in(text: str) -> list[str]:
    """Return the parts of a text that look like keys, or are what a variable such as OPENAI_API_KEY holds."""
    return _secrets(text, _held())


def _secrets(text: str, held: Sequence[str]) -> list[str]:
    found = [match[0] for match in _KEYS.finditer(text)]
    found += [match[1] for place in _PLACES for match in place.finditer(text) if match[1] != HIDDEN]
    return [*found, *(value for value in held if value in text)]


def hide(text: str) -> str:
    """Return a text without what looks like a key."""
    for secret in sorted(secrets_in(text), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def check_words(words: Sequence[str]) -> None:
    """Refuse a command line that holds a key, before it is written or shown. Raises UnsafeError without the key."""
    problems = []
    for word in words:
        key, equals, value = word.partition("=")
        name = key.lstrip("+~") if equals and re.fullmatch(r"[+~]*[\w.@/-]+", key) else "the command line"
        values = re.findall(r"[^\s,()\[\]{}'\"]+", value) if key.endswith("api_key_env") else []
        if any(not _is_name(one) for one in values):
            problems.append(_no_name(name))
        elif secrets_in(word):
            problems.append(_told(name))
    if problems:
        raise UnsafeError("\n".join(dict.fromkeys(problems)))


def check_values(node: Any, path: str = "") -> None:
    """Refuse settings that hold a key, or would read one from the environment; a config is written to disk.

    Args:
        node: plain values; references may be resolved or not.
        path: where they stand in the config.

    Raises:
        UnsafeError: naming each key of the config, without what it holds.
    """
    problems = list(dict.fromkeys(_problems(node, path, _held())))
    if problems:
        raise UnsafeError("\n".join(problems))


def _problems(node: Any, path: str, held: Sequence[str]) -> Iterator[str]:
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(node, Mapping):
        items = node.items()
    elif isinstance(node, list | tuple):
        items = enumerate(node)
    elif isinstance(node, str):
        yield from _text_problems(node, path, held)
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if isinstance(key, str) and _secrets(key, held):
            yield _told(path or "the config")
        elif _ENDS_IN_SECRET.search(str(key).lower()) and value not in (None, "", {}, []):
            yield f"{here} looks like a secret, and a config is written to disk; put it in an environment variable"
        elif str(key).endswith("api_key_env") and isinstance(value, str) and not _is_name(value):
            yield _no_name(here)
        else:
            yield from _problems(value, here, held)


def _text_problems(text: str, path: str, held: Sequence[str]) -> Iterator[str]:
    if _secrets(text, held):
        yield _told(path)
    read = [name.strip().strip("'\"") for name in _READS.findall(text)]
    if _COMPUTED.search(text) or any(_PRIVATE.search(name) or not re.fullmatch(r"\w+", name) for name in read):
        yield (
            f"{path} would read a key from the environment, and a config is written to disk; name the variable where a "
            "name is asked for, such as teacher.api_key_env=OPENAI_API_KEY"
        )


def _held() -> list[str]:
    """Return what the variables of the environment hold whose names say that it is a key."""
    values = [os.environ[name].strip() for name in os.environ if _VARIABLE.search(name.upper())]
    return [value for value in values if len(value) >= SHORTEST]


def _is_name(text: str) -> bool:
    """Return whether a text is the name of a variable, rather than a key in capitals."""
    if text in ("null", "None", "choice", "shuffle") or text in os.environ:
        return True
    return bool(_NAME.fullmatch(text)) and ("_" in text or _VARIABLE.search(text) is not None) and not secrets_in(text)


def _told(path: str) -> str:
    cure = _CURES.get(path.rpartition(".")[2], _CURE)
    return f"{hide(path)} holds what looks like a key (not shown), and settings are written to disk; {cure}"


def _no_name(path: str) -> str:
    return (
        f"{hide(path)} must be the name of an environment variable in capitals, such as OPENAI_API_KEY, and this "
        "value is not (it is hidden, since it may be a key); put the key into the variable: export OPENAI_API_KEY=..."
    )
