"""The scripted teacher as a judge: ratings by counting, and the identity of a speaker."""

import json
import re

from distillrun.everyday.base import Fact
from distillrun.everyday.critique import Critic, unnamed
from distillrun.records import Request, answer_text

SPOKEN = frozenset({"identity", "contradiction", "claim", "grading"})
"""What is answered without the facts of the task."""

_SELF = "I am the scripted teacher. I was written by hand, and no company trained me."
_MAKERS = re.compile(
    r"\b(?:openai|chatgpt|gpt-\d|anthropic|claude|google|gemini|alibaba|qwen|meta ai|llama|deepseek)\b"
)


class Rater:
    """Ratings from 1 to 5 by what can be counted.

    Args:
        critic: finds the flaws of an explanation.
    """

    def __init__(self, critic: Critic) -> None:
        self._critic = critic

    def ratings(self, fact: Fact, request: Request) -> dict[str, int]:
        """Return a number for each of the request's names."""
        if request.draft is None:
            return {name: 5 if name.replace(" ", "_") == fact.relation else 1 for name in request.names}
        if request.reference is not None:
            return _likeness(request.draft, request.reference, request.names)
        example = request.example
        value = answer_text(example, request.choice or 0)
        others = [choice for choice in example.choices if choice != value]
        sound = max(1, 5 - len(self._critic.flaws(fact, value, others, request.draft)))
        named = 1 - len(unnamed(others, request.draft)) / max(1, len(others))
        own = {"contrastiveness": 1 + round(4 * named), "understandability": _easy(request.draft)}
        return {name: own.get(name, sound) for name in request.names}


def spoken(request: Request) -> str:
    """Return who a model says it is, whether an answer holds its reference, or which other maker it names."""
    if request.ask == "identity":
        return _SELF
    if request.ask == "grading":
        holds = any(part.strip().casefold() in (request.draft or "").casefold() for part in _accepted(request))
        return json.dumps({name: int(holds) for name in request.names})
    makers = set(_MAKERS.findall((request.draft or "").casefold()))
    others = makers - set(_MAKERS.findall((request.reference or "").casefold()))
    return json.dumps({name: int(bool(others)) for name in request.names})


def _accepted(request: Request) -> list[str]:
    """Return the answers that a reference accepts."""
    return (request.reference or "").split(" | ")


def _likeness(text: str, reference: str, names: tuple[str, ...]) -> dict[str, int]:
    """Return how like two texts are: the share of words in common, or of length where structure or detail is meant."""
    own, other = text.casefold().split(), reference.casefold().split()
    common = len(set(own) & set(other)) / max(1, len(set(own) | set(other)))
    length = min(len(own), len(other)) / max(1, len(own), len(other))
    return {name: 1 + round(4 * (common if name == "style" else length)) for name in names}


def _easy(text: str) -> int:
    """Return 5 for a short text, less for each dozen words more."""
    return max(1, 5 - len(text.split()) // 24)
