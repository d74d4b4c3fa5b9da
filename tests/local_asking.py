"""A local teacher, prompts that begin alike, and its answers to them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from distillrun.records import Completion, Contrast, Draw, Message, Prompt, Request, Sampling
from distillrun.teacher.local import Local
from tests.asking import Unlimited
from tests.leaves import EXAMPLE, made

GREEDY = Sampling(12, 0.0, 1.0, 1, ())
DEMO = "Where do fish live? They live in the sea, since they breathe water. What cuts bread? A knife cuts bread."


def teacher(checkpoint: str, **changes: Any) -> Local:
    local: Local = made("teacher", "local", **{"checkpoint": checkpoint, "device": "cpu", **changes})
    return local


def prompt(*texts: str, contrast: Contrast | None = None) -> Prompt:
    system, *users = texts
    messages = (Message("system", system), *(Message("user", text) for text in users))
    return Prompt(messages, Request("rationale", EXAMPLE, 1), contrast)


def prompts(count: int) -> list[Prompt]:
    return [prompt(DEMO, f"What {'really ' * (n % 3)}is number {n}?") for n in range(count)]


def asked(local: Local, which: Sequence[Prompt], sampling: Sampling = GREEDY) -> list[Completion]:
    draws = [Draw(one, 0, 5) for one in which]
    found = dict(local.complete(draws, sampling, Unlimited()))
    assert sorted(found) == list(range(len(which)))
    return [found[index] for index in range(len(which))]


def assert_alike(ones: Sequence[Completion], others: Sequence[Completion]) -> None:
    for one, other in zip(ones, others, strict=True):
        assert replace(one, log_prob=None) == replace(other, log_prob=None)
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-3)
