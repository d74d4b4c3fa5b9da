"""The wording of a classification: a text with a numbered list of labels, or the text alone."""

from collections.abc import Mapping
from functools import lru_cache
from string import ascii_lowercase

from distillrun.errors import ConfigError
from distillrun.records import Answer, Example
from distillrun.records import place as place_of
from distillrun.task.shared.label_reader import LabelReader
from distillrun.text.template import Template

FIELDS = ("number", "letter", "choice")


class LabelText:
    """The texts of a classification task, made from templates.

    Args:
        question_template: what a teacher reads: `{question}`, the text, and `{choices}`, the list of labels.
        student_template: what a student reads: `{question}`.
        choice_template: how each label is listed: `{number}` (1, 2, ...), `{letter}` (a to z), `{choice}`, its name.
        description_template: what follows a label that has a description: `{description}`.
        choice_separator: stands between the labels.
        answer_template: how an answer is written: `{choice}`, `{number}`, `{letter}`.
        descriptions: of labels, by their names.

    Raises:
        ConfigError: a template is malformed, uses a field that it does not have, or says the same for everything.
    """

    def __init__(
        self,
        question_template: str,
        student_template: str,
        choice_template: str,
        description_template: str,
        choice_separator: str,
        answer_template: str,
    ) -> None:
        self._question = _template("question_template", question_template, ("question", "choices"), {"question"})
        self._student = _template("student_template", student_template, ("question",), {"question"})
        self._choice = _template("choice_template", choice_template, FIELDS, {*FIELDS})
        self._description = _template("description_template", description_template, ("description",), set())
        self._answer = _template("answer_template", answer_template, FIELDS, {*FIELDS})
        self._separator = choice_separator
        self._marked = {name for name in FIELDS if f"{{{name}}}" in choice_template + answer_template}
        self._listed = lru_cache(maxsize=64)(self._list)  # every text of a task has the same labels
        self._written = lru_cache(maxsize=64)(self._write)
        self._reader = lru_cache(maxsize=64)(self._make_reader)

    def question(self, example: Example, descriptions: Mapping[str, str]) -> str:
        """Return a text with the list of labels, as a teacher reads it."""
        listed = self._listed(example.choices, tuple(descriptions.items()))
        return self._question.render({"question": example.question, "choices": listed})

    def student_question(self, example: Example) -> str:
        """Return a text alone, as a student reads it."""
        return self._student.render({"question": example.question})

    def answer(self, example: Example, choice: Answer) -> str:
        """Return how a label is written as an answer."""
        return self._written(example.choices)[place_of(choice)]

    def parse(self, text: str, example: Example) -> int | None:
        """Return the label that a text gives; None = unparsed."""
        return self._reader(example.choices).read(text)

    def parse_labels(self, text: str, example: Example) -> tuple[int, ...] | None:
        """Return all labels that a text gives; None = unparsed."""
        return self._reader(example.choices).read_all(text)

    def _list(self, names: tuple[str, ...], descriptions: tuple[tuple[str, str], ...]) -> str:
        known = dict(descriptions)
        lines = []
        for place, name in enumerate(names):
            told = self._description.render({"description": known[name]}) if known.get(name) else ""
            lines.append(self._choice.render(self._fields(names, place)) + told)
        return self._separator.join(lines)

    def _write(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self._answer.render(self._fields(names, place)) for place in range(len(names)))

    def _make_reader(self, names: tuple[str, ...]) -> LabelReader:
        markers = {
            self._fields(names, place)[kind]: place
            for kind in ("number", "letter")
            if kind in self._marked
            for place in range(len(names))
        }
        return LabelReader(names, self._write(names), markers)

    def _fields(self, names: tuple[str, ...], place: int) -> dict[str, str]:
        if "letter" in self._marked and len(names) > len(ascii_lowercase):
            raise ConfigError(
                f"task.choice_template and task.answer_template: {{letter}} names {len(ascii_lowercase)} labels, and "
                f"there are {len(names)}; write {{number}}"
            )
        letter = ascii_lowercase[place] if place < len(ascii_lowercase) else ""
        return {"number": str(place + 1), "letter": letter, "choice": names[place]}


def _template(key: str, text: str, fields: tuple[str, ...], one_of: set[str]) -> Template:
    template = Template(text, fields, f"task.{key}")
    if one_of and not any(f"{{{field}}}" in text for field in one_of):
        needed = " or ".join(f"{{{field}}}" for field in fields if field in one_of)
        raise ConfigError(f"task.{key}={text!r} is the same for every example; put {needed} into it")
    return template
