"""The form of the answers in files: named by the user, or decided for all rows together."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from distillrun.errors import SHOWN, ConfigError, listed, nearest
from distillrun.records import reading
from distillrun.task.shared.choice_naming import folded
from distillrun.task.shared.choice_row import Choices, is_blank

AnswerForm = Literal["auto", "text", "letter", "index", "number", "boolean"]

FORMS: Mapping[AnswerForm, str] = {
    "text": "the texts of choices",
    "letter": "the letters, or other labels, of choices",
    "index": "numbers of choices, counted from 0",
    "number": "numbers of choices, counted from 1",
    "boolean": "yes or no",
}
_TRUE = ("yes", "true")
_FALSE = ("no", "false")
_WHOLE = re.compile(r"(\d{1,3})(?:[.,]0*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """The answer that a row gives, and what it may mean; `where` is file and line."""

    where: str
    answer: Any
    among: Choices

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts of the choices."""
        return self.among.texts


def answer_index(given: Given, form: AnswerForm) -> int | None:
    """Return which choice an answer of a known form means; the first one where choices repeat; None without an answer.

    Raises:
        ConfigError: the answer is not among the choices.
    """
    if is_blank(given.answer):
        return None
    found = _read(given, form)
    if found is None:
        raise _unknown(given, f"task.answer_form={form}")
    return found


def form_of(everyone: Sequence[Given]) -> AnswerForm:
    """Return the form in which all of the answers can be read, of two the one that goes without saying.

    Rows without an answer play no part.

    Texts and letters go before numbers, so that years among the choices are years; where all answers are numbers that
    are choices and, counted, mean others, nobody can tell. Numbers count from 0 where one of them is 0, and from 1
    where one of them is that of the last choice.

    Raises:
        ConfigError: no row has an answer, no form fits all of them, or two do that mean different choices.
    """
    rows = [given for given in everyone if not is_blank(given.answer)]
    if not rows:
        raise ConfigError(f"{everyone[0].where}: neither this row nor another has an answer; see task.fields.answer")
    texts = any(isinstance(given.answer, str) for given in rows)
    groups: tuple[tuple[AnswerForm, ...], ...] = (("text", "letter"), ("index", "number"), ("boolean",))
    are_numbers = all(_WHOLE.fullmatch(str(given.answer).strip()) for given in rows)
    for group in groups if texts and not are_numbers else (("text", "letter", "index", "number"), ("boolean",)):
        fitting = {form: found for form in group if (found := _read_all(rows, form)) is not None}
        if "letter" in fitting:  # a row's own labels may be numbers, which then count nothing
            fitting = {form: found for form, found in fitting.items() if form in ("text", "letter")}
        for given, *meant in zip(rows, *fitting.values(), strict=True):
            if len({reading(given.choices[index]) for index in meant}) > 1:
                raise _ambiguous(given, dict(zip(fitting, (given.choices[index] for index in meant), strict=True)))
        if fitting:
            return next(iter(fitting))
    counts = {form: sum(_read(given, form) is not None for given in rows) for form in FORMS}
    likely = max(counts, key=counts.__getitem__)
    unread = [given for given in rows if _read(given, likely) is None]
    first = unread[0]
    if not counts[likely]:
        raise _unknown(first, "task.answer_form=auto")
    shares = f"{counts[likely]} of {len(rows)} answers can be read as {FORMS[likely]}"
    rest = set(FORMS) - ({"index", "number"} if likely in ("index", "number") else {likely})
    if other := next((form for form in FORMS if form in rest and _read(first, form) is not None), None):
        raise ConfigError(
            f"{first.where}: the answer {first.answer!r} can be read as {FORMS[other]} alone, but {shares}; "
            "write all of them in one form"
        )
    how = f"task.answer_form=auto; {shares}"
    raise ConfigError(listed([str(_unknown(given, how)) for given in unread[:SHOWN]], len(unread)))


def _read_all(rows: Sequence[Given], form: AnswerForm) -> list[int] | None:
    """Return what all answers mean in one form; None where it does not fit one of them."""
    found = []
    for given in rows:
        index = _read(given, form)
        if index is None:
            return None
        found.append(index)
    return found


def _ambiguous(given: Given, meant: Mapping[AnswerForm, str]) -> ConfigError:
    ways = " or ".join(f"{choice!r} (task.answer_form={form}: {FORMS[form]})" for form, choice in meant.items())
    return ConfigError(
        f"{given.where}: the answer {given.answer!r} may mean {ways}, and no other answer of the files tells which; "
        "set the form that is meant"
    )


def _unknown(given: Given, how: str) -> ConfigError:
    shown = ", ".join(map(repr, given.choices[:8])) + (", …" if len(given.choices) > 8 else "")
    hint = nearest(str(given.answer), given.choices)
    return ConfigError(
        f"{given.where}: the answer {given.answer!r} is not among the choices {shown}{hint} ({how}); write the text, "
        "the letter or the number of a choice, and nothing else"
    )


def _read(given: Given, form: AnswerForm) -> int | None:
    answer, choices = str(given.answer), given.choices
    if form == "text":
        return _position(answer, choices)
    if form == "letter":
        found = _position(answer, given.among.labels)
        return _position(answer.strip().strip("()[].:"), given.among.labels) if found is None else found
    if form == "boolean":
        words = next((words for words in (_TRUE, _FALSE) if folded(answer) in words), ())
        return next((index for index, choice in enumerate(choices) if folded(choice) in words), None)
    match = _WHOLE.fullmatch(answer.strip())
    place = int(match[1]) - (form == "number") if match else -1
    return given.among.places.index(place) if place in given.among.places else None


def _position(text: str, names: tuple[str, ...]) -> int | None:
    for form in (str, reading, folded):
        key = form(text)
        found = [index for index, name in enumerate(names) if form(name) == key]
        if key and found:
            return found[0] if len({reading(names[index]) for index in found}) == 1 else None
    return None
