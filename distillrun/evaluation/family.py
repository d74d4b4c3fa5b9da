"""Which models are akin: a judge prefers what a model of its own family taught."""

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


def family_of(name: str) -> str:
    """Return the family of a model by its name, such as llama for `meta-llama/Llama-2-13b-hf`.

    A name that tells nothing is a family of its own.
    """
    own = name.casefold().rstrip("/")
    base = own.split("/")[-1]
    for family, pattern in FAMILIES.items():
        if re.search(rf"(^|[-_/.])(?:{pattern})", base):
            return family
    return base


def akin(judge: str, teachers: Collection[str]) -> list[str]:
    """Return which of the teachers are of the judge's family, in alphabetical order."""
    return sorted({name for name in teachers if name and family_of(name) == family_of(judge)})
