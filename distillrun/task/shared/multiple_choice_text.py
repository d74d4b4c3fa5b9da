"""The wording of a multiple-choice question and of its answer, and the parser of answers: all configuration."""

from functools import lru_cache
from string import ascii_lowercase
from typing import ClassVar

from distillrun.errors import ConfigError
from distillrun.records import Answer, Example, first_alike, place
from distillrun.task.shared.answer_parser import parsed_choice
from distillrun.text.template import Template

MOST_CHOICES = len(ascii_lowercase)


class MultipleChoiceText:
    """The texts of a multiple-choice task, made from templates.

    Args:
        question_template: holds `{question}` and, unless the choices are not shown, `{choices}`.
        choice_template: how each choice is listed: `{letter}` (a, b, ...), `{choice}`.
        choice_separator: stands between the choices.
        answer_template: how an answer is written: `{choice}`, `{letter}`.

    Raises:
        ConfigError: a template is malformed, uses a field that it does not have, or says the same for everything.
    """

    MEANING: ClassVar[int] = 3  # scripts without blanks between words are read, and both Turkish letters i

    def __init__(
        self, question_template: str, choice_template: str, choice_separator: str, answer_template: str
    ) -> None:
        self._question = _template("question_template", question_template, ("question", "choices"), "question")
        self._choice = _template("choice_template", choice_template, ("letter", "choice"), "letter", "choice")
        self._answer = _template("answer_template", answer_template, ("letter", "choice"), "letter", "choice")
        self._separator = choice_separator
        self._written_question = lru_cache(maxsize=1024)(self._write_question)  # demonstrations are shown every time

    def question(self, example: Example) -> str:
        """Return the question with its choices, as a teacher reads it. Raises ConfigError if too many."""
        return self._written_question(example)

    def student_question(self, example: Example) -> str:
        """Return what a student reads: the same as a teacher."""
        return self.question(example)

    def _write_question(self, example: Example) -> str:
        if len(example.choices) > MOST_CHOICES:
            raise ConfigError(
                f"{example.question!r:.60} has {len(example.choices)} choices; {MOST_CHOICES} are possible"
            )
        listed = (self._written(self._choice, example, choice) for choice in range(len(example.choices)))
        return self._question.render({"question": example.question, "choices": self._separator.join(listed)})

    def answer(self, example: Example, choice: Answer) -> str:
        """Return how a choice is written as an answer."""
        return self._written(self._answer, example, place(choice))

    def parse(self, text: str, example: Example) -> int | None:
        """Return the choice that a text answers with, of those with equal texts the first; None = unparsed."""
        forms = [(name, self.answer(example, choice)) for choice, name in enumerate(example.choices)]
        found = parsed_choice(text, forms)
        return None if found is None else first_alike(example, found)

    @staticmethod
    def _written(template: Template, example: Example, choice: int) -> str:
        return template.render({"letter": ascii_lowercase[choice], "choice": example.choices[choice]})


def _template(key: str, text: str, fields: tuple[str, ...], *one_of: str) -> Template:
    template = Template(text, fields, f"task.{key}")
    if template.render(dict.fromkeys(fields, "")) == template.render(
        {field: "?" if field in one_of else "" for field in fields}
    ):
        needed = " or ".join(f"{{{field}}}" for field in one_of)
        raise ConfigError(f"task.{key}={text!r} is the same for every example; put {needed} into it")
    return template
