"""Answers in free form: what stands for them in a column, and which scorer fits them."""

import json
import re
from collections.abc import Sequence
from typing import Any

from distillrun.task.shared.choice_row import is_blank

MARKER = "####"
"""What solutions of word problems put before their answer."""
MOST = 0.95
"""From this share of the answers on, they are of a kind."""
_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d,. ]*(?:/\d+)?\s*(?:%|[A-Za-z]{1,4})?")


def marked(values: Sequence[Any]) -> bool:
    """Return whether answers stand behind a marker, such as "#### 42", with the reasons before it."""
    known = [str(value) for value in values if not is_blank(value)]
    return bool(known) and sum(MARKER in value for value in known) >= MOST * len(known)


def scorer_of(values: Sequence[Any]) -> tuple[str, str]:
    """Return the scorer that fits answers, and what they are."""
    known = [_first(value) for value in values if not is_blank(value)]
    texts = [str(value).rpartition(MARKER)[2].strip() for value in known]
    if are_objects(known) or are_objects(texts):
        return "json_fields", "JSON objects"
    if sum(bool(_NUMBER.fullmatch(text)) for text in texts) >= MOST * len(texts):
        return "numeric", "numbers"
    words = sum(len(text.split()) for text in texts) / max(1, len(texts))
    if words > 12:
        return "rouge_l", "texts of several sentences or clauses"
    return ("token_f1", "short texts") if words > 3 else ("normalised_match", "words")


def are_objects(values: Sequence[Any]) -> bool:
    """Return whether values are JSON objects, or texts that hold one."""
    known = [value for value in values if not is_blank(value)]
    objects = sum(isinstance(value, dict) or _is_object(str(value).strip()) for value in known)
    return bool(known) and objects >= MOST * len(known)


def _first(value: Any) -> Any:
    """Return the first of several accepted answers, which is the one that is taught."""
    return value[0] if isinstance(value, list | tuple) and value else value


def _is_object(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
