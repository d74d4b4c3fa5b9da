"""Placeholders for completions that are not written yet, so that the requests after them can be counted."""

import json
from random import Random

from distillrun.interfaces import FreeFormTask, Task
from distillrun.records import Answer, Completion, FreeAnswer, Prompt, Request

# fmt: off
WORDS = (
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school", "state",
    "family", "student", "group", "country", "problem", "hand", "part", "place", "case", "week", "company", "system",
    "program", "question", "work", "night", "point", "home", "water", "room", "mother", "area", "money", "story",
    "fact",
)
# fmt: on
"""Common words, which most tokenizers know as one token each."""

UNWRITTEN = "not written yet"


def placeholder(prompt: Prompt, sample: int, tokens: int, task: Task, is_usable: bool) -> Completion:
    """Return a completion of about so many tokens: one that the step can use, or one that it cannot.

    It depends on the prompt and the sample alone, and reads unlike any other.
    """
    if not is_usable:
        return Completion("", "stop", 0, 0, log_prob=0.0, reason=UNWRITTEN)
    text = _text(prompt.request, Random(f"{prompt.digest}:{sample}"), tokens, task)
    return Completion(text, "stop", 0, tokens, log_prob=-float(tokens))


def _text(request: Request, random: Random, tokens: int, task: Task) -> str:
    example = request.example
    if request.ask == "categories":
        return json.dumps(WORDS)
    if request.names:  # every scale has a one
        return json.dumps(dict.fromkeys(request.names, 1))
    words = " ".join(random.choices(WORDS, k=max(1, tokens)))
    if not example.choices and not isinstance(task, FreeFormTask):
        return words
    unknown: Answer = task.an_answer() if isinstance(task, FreeFormTask) else 0
    choice = next((one for one in (request.choice, example.answer) if one is not None), unknown)
    if request.ask == "answer":
        return f"{words}. So the answer is {task.answer(example, choice)}."
    if request.ask == "judgement":
        return f"{words}. Verdict: right"
    if request.ask == "question":
        return _question(request, random, len(example.choices))
    if isinstance(choice, FreeAnswer):
        return f"{words}. It is {choice.text}."
    others = ", ".join(text for place, text in enumerate(example.choices) if place != choice)
    return f"{words}. It is {example.choices[choice]}, not {others}."


def _question(request: Request, random: Random, choices: int) -> str:
    """Return a new question as JSON or, where its pieces are asked for in turn, the next piece."""
    question = " ".join(f"{random.choice(WORDS)}{random.randrange(10**6)}" for _ in range(12)) + "?"
    texts = [f"{random.choice(WORDS)}{place}" for place in range(choices)]
    if request.draft is None:
        return json.dumps({"question": question, "choices": texts, "answer": texts[0]})
    return (question, texts[0], "\n".join(texts[1:]))[min(2, len(request.draft.splitlines()))]
