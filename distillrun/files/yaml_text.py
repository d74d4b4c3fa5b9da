"""Settings as YAML text."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import yaml


def yaml_text(values: Mapping[str, Any], width: int = 80) -> str:
    """Return settings as YAML, keys in their order and letters as they are.

    libyaml takes a seventh of the time, but escapes what lies beyond the basic multilingual plane, such as emoji, and
    takes no half of a surrogate pair.
    """
    if yaml.__with_libyaml__:
        with suppress(UnicodeEncodeError):
            text = yaml.dump(dict(values), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=width)
            if "\\U" not in text:
                return text
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=width)
