"""New questions about facts that a question at hand asks for: other phrasings, other wrong choices."""

import json
from functools import cache
from random import Random

from distillrun.everyday.base import Base, Fact, read_base
from distillrun.everyday.question import fact_of
from distillrun.everyday.wording import Wording, read_wording
from distillrun.records import Example

MALFORMED_SHARE = 0.1
"""Of the new questions, how many are not what was asked for, so that checks have something to find."""


def invented(fact: Fact, example: Example, base: Base, wording: Wording, random: Random) -> str:
    """Return a new question about a fact as JSON, with as many choices as the example at hand; a share is malformed.

    Some repeat a question word for word, since phrasings are drawn from all that there are.
    """
    phrasing = random.randrange(wording.phrasings(fact.relation))
    wrong = base.wrong_values(fact)
    choices = random.sample(wrong, min(len(wrong), len(example.choices) - 1))
    choices.insert(random.randint(0, len(choices)), fact.value)
    kind = random.random() / MALFORMED_SHARE
    if kind < 0.4:
        choices[0] = choices[-1]
    text = json.dumps({"question": wording.question(fact, phrasing), "choices": choices, "answer": fact.value})
    return text[: len(text) // 2] if 0.4 <= kind < 1 else text


def invented_piece(fact: Fact, example: Example, so_far: str, base: Base, wording: Wording, random: Random) -> str:
    """Return what comes next of a new question: its text, its answer, or its wrong choices, some incomplete.

    Args:
        fact: what is asked for, where there is no text yet.
        example: the example at hand.
        so_far: the question and its answer, a line each, as far as they are there.
        base, wording, random: what it knows, says and draws with.
    """
    lines = so_far.splitlines()
    if not lines:
        return wording.question(fact, random.randrange(wording.phrasings(fact.relation)))
    asked = _by_question().get(lines[0], fact)
    if len(lines) == 1:
        return asked.value
    wrong = base.wrong_values(asked)
    drawn = random.sample(wrong, min(len(wrong), len(example.choices) - 1))
    return "\n".join(drawn[random.random() < MALFORMED_SHARE :])


def known_fact(example: Example, base: Base) -> Fact | None:
    """Return the fact that a question asks for, by its id or else by its words; None where it is of another task."""
    return fact_of(example.id, base) or _by_question().get(example.question)


@cache
def _by_question() -> dict[str, Fact]:
    base, wording = read_base(), read_wording()
    return {
        wording.question(fact, phrasing): fact
        for fact in base.facts.values()
        for phrasing in range(wording.phrasings(fact.relation))
    }
