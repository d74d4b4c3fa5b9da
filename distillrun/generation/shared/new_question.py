"""A question that a teacher wrote, read strictly out of its text."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random

from distillrun.records import Example, place, reading

FORM_CHECKS = ("malformed JSON", "keys missing", "wrong types")
"""The reasons why a text is not a question, in the order of the checks."""

CONTENT_CHECKS = (
    "empty text",
    "wrong number of choices",
    "repeated choices",
    "too long",
    "answer not among the choices",
)
"""Why a question cannot be used, in the order in which it is looked at."""

_LABEL = re.compile(r"(?:[-*•]|\(?([A-Za-z]|\d{1,2})[.):])\s+(?=\S)")
_LETTER_FIRST = re.compile(r"\(?([a-z])[.):]+\s+(.+)")


@dataclass(frozen=True, slots=True)
class QuestionRules:
    """The requirements on a new question.

    Attributes:
        choices: how many it has.
        max_characters: of the question; and of each choice, a third of that.
    """

    choices: int
    max_characters: int


def read_question(text: str, rules: QuestionRules) -> Example | str:
    """Return the question that a text holds as a JSON object, or why it cannot be used: one of a few fixed reasons.

    The object is the first that begins with a brace, with keys question, choices and answer; the answer is a choice's
    text, its letter, or its number from 0. Nothing in it is ever evaluated. The id is a digest of the content.
    """
    try:
        value, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except (ValueError, RecursionError):
        return "malformed JSON"
    if not isinstance(value, dict) or not {"question", "choices", "answer"} <= value.keys():
        return "keys missing"
    question, choices, answer = value["question"], value["choices"], value["answer"]
    if not (isinstance(question, str) and isinstance(choices, list) and all(isinstance(one, str) for one in choices)):
        return "wrong types"
    return checked_question(question, unlabelled(choices), answer, rules)


def checked_question(question: str, choices: Sequence[str], answer: object, rules: QuestionRules) -> Example | str:
    """Return the example, or why it cannot be used."""
    question, choices = _plain(question), [_plain(choice) for choice in choices]
    if not any(map(str.isalnum, question)) or not all(choices):
        return "empty text"
    if len(choices) != rules.choices:
        return "wrong number of choices"
    if len(set(map(reading, choices))) < len(choices):
        return "repeated choices"
    if len(question) > rules.max_characters or max(map(len, choices)) > rules.max_characters / 3:
        return "too long"
    place = _place(answer, choices)
    if place is None:
        return "answer not among the choices"
    content = json.dumps([question, choices, place], ensure_ascii=False)
    return Example(f"expansion-{hashlib.sha256(content.encode()).hexdigest()[:16]}", question, tuple(choices), place)


def mixed(example: Example) -> Example:
    """Return a question with its choices in an order drawn by its id, so that no place is right more often."""
    order = Random(example.id).sample(range(len(example.choices)), len(example.choices))
    choices = tuple(example.choices[place] for place in order)
    return replace(
        example, choices=choices, answer=None if example.answer is None else order.index(place(example.answer))
    )


def unlabelled(lines: Sequence[str]) -> list[str]:
    """Return texts without the bullets, letters or numbers before them, where all have one, in order."""
    found = [_LABEL.match(line.strip()) for line in lines]
    labels = [match[1] for match in found if match]
    values = [ord(label.casefold()) if label.isalpha() else int(label) for label in labels if label]
    in_order = all(later - earlier == 1 for earlier, later in pairwise(values))
    if not lines or len(labels) < len(lines) or len(values) not in (0, len(lines)) or not in_order:
        return [line.strip() for line in lines]
    return [line.strip()[match.end() :] for line, match in zip(lines, found, strict=True) if match]


def _place(answer: object, choices: Sequence[str]) -> int | None:
    """Return which choice an answer names: by its number, its text, its letter, or its letter and text together."""
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer if 0 <= answer < len(choices) else None
    if not isinstance(answer, str):
        return None
    folded, texts = _plain(answer).casefold(), [choice.casefold() for choice in choices]
    if folded in texts:
        return texts.index(folded)
    both = _LETTER_FIRST.fullmatch(folded)
    letter = both[1] if both else folded.strip("().: ")
    place = ord(letter) - ord("a") if len(letter) == 1 else -1
    if not 0 <= place < len(choices) or (both and both[2] != texts[place]):
        return None
    return place


def _plain(text: str) -> str:
    """Return a text in one line, without control and format characters."""
    kept = "".join(" " if character.isspace() else character for character in text)
    return " ".join("".join(one for one in kept if unicodedata.category(one)[0] != "C").split())
