"""Model families: a judge prefers a student that a model of its own family taught."""

import re
from collections.abc import Collection

FAMILIES: dict[str, str] = {
    "openai": r"gpt(?!2|-2|j|-j|-neo)|chatgpt|o[134](-|$)|davinci|text-embedding",
    "claude": r"claude",
    "gemini": r"gemini|gemma|palm|bard",
    "llama": r"llama|vicuna|alpaca|guanaco|tulu",
    "qwen": r"qwen|qwq",
    "mistral": r"mistral|mixtral|ministral|zephyr|magistral",
    "deepseek": r"deepseek",
    "phi": r"phi[-_.\d]",
    "t5": r"(flan-)?u?l?t5|flan",
    "glm": r"glm",
    "grok": r"grok",
    "smollm": r"smollm",
    "olmo": r"olmo",
    "falcon": r"falcon",
    "command": r"command-|aya",
}
"""Family -> what the names of its models begin with, or hold behind a separator."""


def families_of(name: str) -> frozenset[str]:
    """Return the families of a model by its name, such as llama for `meta-llama/Llama-2-13b-hf`.

    One that was distilled belongs to two: its teacher's and its own. A name that tells nothing is a family of its own.
    """
    base = name.casefold().rstrip("/").split("/")[-1]
    found = {family for family, pattern in FAMILIES.items() if re.search(rf"(^|[-_/.])(?:{pattern})", base)}
    return frozenset(found or {base})


def in_family_of(judge: str, teachers: Collection[str]) -> list[str]:
    """Return the teachers of the judge's model family, in alphabetical order."""
    return sorted({name for name in teachers if name and families_of(name) & families_of(judge)})
