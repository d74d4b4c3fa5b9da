"""A question that a teacher wrote, read strictly out of its text."""

import hashlib
import json
import unicodedata
from dataclasses import dataclass

from distillrun.records import Example


@dataclass(frozen=True, slots=True)
class Rules:
    """What a new question must be like.

    Attributes:
        choices: how many it has.
        max_characters: of the question; and of each choice, a third of that.
    """

    choices: int
    max_characters: int


def read_question(text: str, rules: Rules) -> Example | str:
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
    return checked_question(question, choices, answer, rules)


def checked_question(question: str, choices: list[str], answer: object, rules: Rules) -> Example | str:
    """Return the example, or why it cannot be used."""
    question, choices = _plain(question), [_plain(choice) for choice in choices]
    if not question or not all(choices):
        return "empty text"
    if len(choices) != rules.choices:
        return "wrong number of choices"
    if len({choice.casefold() for choice in choices}) < len(choices):
        return "repeated choices"
    if len(question) > rules.max_characters or max(map(len, choices)) > rules.max_characters / 3:
        return "too long"
    place = _place(answer, choices)
    if place is None:
        return "answer not among the choices"
    content = json.dumps([question, choices, place], ensure_ascii=False)
    return Example(f"expansion-{hashlib.sha256(content.encode()).hexdigest()[:16]}", question, tuple(choices), place)


def _place(answer: object, choices: list[str]) -> int | None:
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer if 0 <= answer < len(choices) else None
    if not isinstance(answer, str):
        return None
    folded = _plain(answer).casefold()
    for place, choice in enumerate(choices):
        if folded == choice.casefold():
            return place
    letter = folded.strip("().: ")
    place = ord(letter) - ord("a") if len(letter) == 1 else -1
    return place if 0 <= place < len(choices) else None


def _plain(text: str) -> str:
    """Return a text in one line, without control and format characters."""
    kept = "".join(" " if character.isspace() else character for character in text)
    return " ".join("".join(one for one in kept if unicodedata.category(one)[0] != "C").split())
