"""A teacher that was asked elsewhere: its answers stand in a file, beside the questions."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import Row, digest_of, read_rows
from distillrun.interfaces import Account, Task
from distillrun.records import Budget, Completion, Draw, Example, Json, Price, Prompt, Sampling, Split, reading

SPLITS: tuple[Split, ...] = ("train", "dev", "test")


class Replayed:
    """Texts that a model wrote in answer to questions, from any table that `distillrun.files.rows` reads.

    It answers the question of a prompt, however it is asked, with the text of the row that has the same id or, without
    a column of ids, the same question; case and spacing do not count. Several rows of a question are its samples, in
    order. A text is used whole, without stop texts and limits. It answers nothing else: no critique, no revision, no
    rationale for a given choice. Nothing is asked, and it costs nothing.

    Args:
        file: the table; FILE#PART is a sheet of a workbook or a key of a JSON object.
        fields: columns of the table: id (None = rows are found by their question), question, answer. A dotted name
            reaches into an object, such as answer.text.
        name: of the model that wrote the answers, for the records and the report.
    """

    can = frozenset({"complete"})
    price_per_million = Price(0.0, 0.0)
    budget = Budget(None, None, None)

    def __init__(self, file: str | None, fields: Mapping[str, str | None], name: str) -> None:
        self.name = name
        self._file = None if file is None else Path(file)
        self._fields = dict(fields)
        if self._fields.keys() != {"id", "question", "answer"}:
            raise ConfigError(f"teacher.fields must name id, question and answer, not {sorted(self._fields)}")
        if self._fields["answer"] is None or (self._fields["id"] is None and self._fields["question"] is None):
            raise ConfigError(
                "teacher.fields.answer and one of teacher.fields.id and teacher.fields.question must be set"
            )

    def check(self, task: Task) -> list[str]:
        if self._file is None:
            return ["teacher.file is not set; name the file that holds the answers"]
        try:
            answers = self._answers
            asked = [one for split in SPLITS for one in task.examples(split)]
        except ConfigError as error:
            return [f"teacher.file: {error}"]
        if asked and not any(self._key(one) in answers for one in asked):
            by = "question" if self._fields["id"] is None else "id"
            shown = f"the file's first is {next(iter(answers), '')!r:.60}, the task's {self._key(asked[0])!r:.60}"
            return [f"teacher.file={self._file} answers no question of this task, by their {by}: {shown}"]
        return []

    def identity(self) -> Mapping[str, Json]:
        digest = None if self._file is None else digest_of(self._file)
        fields: dict[str, Json] = dict(self._fields)
        return {"name": self.name, "answers": digest, "fields": fields}

    def prompt_tokens(self, prompt: Prompt) -> int:
        return sum(len(message.content.split()) for message in prompt.messages)

    def complete(self, draws: Sequence[Draw], sampling: Sampling, account: Account) -> Iterator[tuple[int, Completion]]:
        for index, draw in enumerate(draws):
            words = self.prompt_tokens(draw.prompt)
            reservation = account.reserve(words, 0)
            if reservation is None:
                return
            made = self._answer(draw, words)
            reservation.settle(words, made.completion_tokens)
            yield index, made

    def release(self) -> None:
        """Nothing is held but the texts."""

    def _answer(self, draw: Draw, words: int) -> Completion:
        request = draw.prompt.request
        if request.ask != "answer" or request.choice is not None:
            return self._without(f"teacher=replayed has answers to questions, and was asked for a {request.ask}", words)
        texts = self._answers.get(self._key(request.example), [])
        if not texts:
            return self._without("no answer to it in teacher.file", words)
        if draw.sample >= len(texts):
            return self._without(
                f"teacher.file has {len(texts)} answers to it, and sample {draw.sample + 1} was asked", words
            )
        text = texts[draw.sample]
        return Completion(text, "stop", words, len(text.split()), teacher=self.name)

    def _without(self, reason: str, words: int) -> Completion:
        return Completion("", "refused", words, 0, teacher=self.name, reason=reason)

    def _key(self, example: Example) -> str:
        return reading(example.question) if self._fields["id"] is None else example.id

    @cached_property
    def _answers(self) -> dict[str, list[str]]:
        """The answers to each question, by its id or text; blank ones are none."""
        found: dict[str, list[str]] = {}
        for row in read_rows(self._file or Path()):
            key, text = (
                self._cell(row, name) for name in ("question" if self._fields["id"] is None else "id", "answer")
            )
            if text.strip():
                found.setdefault(reading(key) if self._fields["id"] is None else key, []).append(text)
        return found

    def _cell(self, row: Row, name: str) -> str:
        """Return a cell as text, blank where it holds nothing. Raises ConfigError where its column is not there."""
        column = self._fields[name] or ""
        value: object = row.values
        for part in [column] if column in row.values else column.split("."):
            if not isinstance(value, Mapping) or part not in value:
                known = list(value) if isinstance(value, Mapping) else []
                hint, held = nearest(part, known), ", ".join(map(str, known)) or "nothing"
                raise ConfigError(f"{row.where}: no column {column!r}{hint}, see teacher.fields.{name}; it has: {held}")
            value = value[part]
        return "" if value is None else str(value)
