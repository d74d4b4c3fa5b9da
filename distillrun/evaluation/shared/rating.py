"""Ratings asked of a judge, and parsed from its reply."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from distillrun.interfaces import GenerationContext, Teacher
from distillrun.records import Completion, Message, Prompt, Record, Request, Sampling

Ratings = dict[str, int]


@dataclass(frozen=True, slots=True)
class Scale(Record):
    """The whole numbers that a rating may be, both ends among them."""

    low: int = 1
    high: int = 5


FIVE_POINTS = Scale()
YES_OR_NO = Scale(0, 1)


def asked(
    context: GenerationContext,
    judge: Teacher,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    repair: str,
    scale: Scale = FIVE_POINTS,
) -> list[Ratings | None]:
    """Return a number for each name of each prompt's request; None where the judge gives none that can be read.

    Equal prompts are asked once. A reply that cannot be read is sent back once, with the request to fix it; what is
    then still unreadable is left out, never taken for a number.

    Args:
        context: asks, and keeps every reply.
        judge: who is asked.
        prompts: their requests hold the `names`.
        sampling: how replies are drawn; the first of several samples that can be read counts.
        repair: what is said to a judge whose reply cannot be read.
        scale: which numbers there are.
    """
    unique = {prompt.digest: prompt for prompt in prompts}
    found: dict[str, Ratings | None] = {}
    again = {}
    replies = context.complete([*unique.values()], sampling, judge)
    for (key, prompt), made in zip(unique.items(), replies, strict=True):
        found[key] = _first(made, prompt.request.names, scale)
        if found[key] is None and (text := made[-1].text.strip()):
            extended = (*prompt.messages, Message("assistant", text), Message("user", repair))
            again[key] = replace(prompt, messages=extended)
    replies = context.complete([*again.values()], sampling, judge)
    for (key, prompt), made in zip(again.items(), replies, strict=True):
        found[key] = _first(made, prompt.request.names, scale)
    return [found[prompt.digest] for prompt in prompts]


def chat(instruction: str, ask: str, request: Request) -> Prompt:
    """Return the messages to a judge: a system text where there is one, and a question."""
    system = (Message("system", instruction),) if instruction else ()
    return Prompt((*system, Message("user", ask)), request)


def read_ratings(text: str, names: Sequence[str], scale: Scale) -> Ratings | None:
    """Return the number that a reply gives for each name; None unless it gives all of them, each on the scale.

    The last JSON object that holds all of the names counts, else lines such as "Plausibility: 4/5".
    """
    for candidate in reversed(list(_objects(text))):
        values = {str(key).strip().casefold(): value for key, value in candidate.items()}
        ratings = {name: _number(values.get(name.casefold()), scale) for name in names}
        if (whole := _whole(ratings)) is not None:
            return whole
    return _whole({name: _stated(text, name, scale) for name in names})


def _first(made: Sequence[Completion], names: Sequence[str], scale: Scale) -> Ratings | None:
    """Return what the first of several replies says that can be read."""
    readings = (read_ratings(one.text, names, scale) for one in made)
    return next((ratings for ratings in readings if ratings is not None), None)


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects in a text, whatever stands around them."""
    decoder = json.JSONDecoder()
    place = text.find("{")
    while place >= 0:
        try:
            found, length = decoder.raw_decode(text[place:])
        except (ValueError, RecursionError):  # malformed, or a number of thousands of digits
            length = 1
        else:
            yield found
        place = text.find("{", place + length)


def _number(value: object, scale: Scale) -> int | None:
    """Return a rating that is written as 4, 4.0, "4", "4/5" or {"rating": 4, ...}."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("rating", "score", "value") if key in value), None)
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*(\d{{1,9}})(?:\s*/\s*{scale.high})?\s*", value)
        value = int(match[1]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not scale.low <= value <= scale.high:
        return None
    return int(value) if value == int(value) else None


def _stated(text: str, name: str, scale: Scale) -> int | None:
    """Return what lines such as "**Plausibility**: 4/5" say; None where they say nothing or two things."""
    pattern = (
        rf"\b{re.escape(name)}\b[\s*_\"'`]*[:=][\s*_\"'`]*(\d{{1,9}})(?:\s*/\s*{scale.high})?(?![\d.,]*\d|[eE][+-]?\d)"
    )
    said = {int(match[1]) for match in re.finditer(pattern, text, re.IGNORECASE)}
    value = said.pop() if len(said) == 1 else None
    return value if value is not None and scale.low <= value <= scale.high else None


def _whole(ratings: Mapping[str, int | None]) -> Ratings | None:
    known = {name: value for name, value in ratings.items() if value is not None}
    return known if len(known) == len(ratings) else None
