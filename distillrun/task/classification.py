"""Classification of texts from a user's own files: every text has one of the same labels, of two up to thousands."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from distillrun.errors import ConfigError, each
from distillrun.files.rows import Row, digest_of
from distillrun.files.split_files import split_files
from distillrun.interfaces import LabelSource
from distillrun.records import Example, Json, SolvedExample, Split
from distillrun.task.shared.choice_row import is_blank, text_in, value_in
from distillrun.task.shared.columns import check_keys, numbered_id
from distillrun.task.shared.file_splits import FileSplits
from distillrun.task.shared.label_list import LabelForm, LabelList, labels_in, read_labels
from distillrun.task.shared.label_text import LabelText
from distillrun.task.shared.labels_told import labels_told
from distillrun.task.shared.on_overlap import Duplicates, OnOverlap, overlap_policy
from distillrun.task.shared.row_text import RowText
from distillrun.task.shared.solved_rows import rows_of_file, solved_rows
from distillrun.task.shared.split import Placed, Splits, SplitSettings, counted
from distillrun.task.shared.task_files import Files, TaskFiles


class Classification:
    """A classification task in any file or folder that `distillrun.files.rows` reads.

    A teacher reads a text with the list of labels, a student the text alone.

    Args:
        folder, hub_name, revision, files, encoding: see `TaskFiles`.
        fields: columns of id (None = a digest of the text), text, label and, for prompts that show rows, rationale.
        template: the text made of several columns, such as "{title}\\n{body}", see `RowText`; None = fields.text alone.
        labels: a file of the labels, relative to the folder, with columns name and, where wanted, description, or .txt
            with one on each line; or a list of them; None = the labels of the training rows, sorted.
        label_form: how rows write their label, see `LabelForm`.
        question_template, student_template, choice_template, description_template, choice_separator, answer_template:
            see `LabelText`.
        dev_share, split_seed, dev_from: dev is this share of this split, drawn by this seed; of train, it is of the
            rows that have answers.
        limit: keep only the first examples of each split; None = all.
        on_overlap, overlap_threshold: what becomes of texts that stand in two splits, or twice, see `OverlapPolicy`.
        duplicates: the former name of on_overlap.
        label_source: of the training rows, see `LabelSource`; unless it is gold, they may be without answers.
        slices: columns by whose values the test is scored apart, too; None = none.
        test_share: where test has no file, it is this share of train, of the rows that have answers.
        demonstrations: a file of rows in the same columns, which prompts that show rows take; None = training rows that
            have answers of their own.
        split_by: a column such as customer_id; the rows that have one value of it stay together where dev or test is a
            share of another split. None = rows are drawn one by one.
    """

    def __init__(
        self,
        folder: str | None,
        hub_name: str | None,
        revision: str,
        files: Files,
        encoding: str | None,
        fields: Mapping[str, str | None],
        template: str | None,
        labels: str | Sequence[str] | None,
        label_form: LabelForm,
        question_template: str,
        student_template: str,
        choice_template: str,
        description_template: str,
        choice_separator: str,
        answer_template: str,
        dev_share: float,
        split_seed: int,
        limit: int | None,
        on_overlap: OnOverlap,
        overlap_threshold: float,
        duplicates: Duplicates | None,
        dev_from: Literal["train", "test"] = "train",
        label_source: LabelSource = "gold",
        slices: Sequence[str] | None = None,
        test_share: float = 0.0,
        demonstrations: str | None = None,
        split_by: str | None = None,
    ) -> None:
        self._text = LabelText(
            question_template,
            student_template,
            choice_template,
            description_template,
            choice_separator,
            answer_template,
        )
        check_keys("fields", fields, ("id", "text", "label"), ("rationale",))
        self._rationale = fields.get("rationale")
        for name in ("text", "label"):
            if fields[name] is None and (name == "label" or template is None):
                raise ConfigError(f"task.fields.{name} is not set; name the column that holds it")
        self._row_text = RowText(fields["text"] or "", template, "task.fields.text")
        if label_form != "text" and labels is None:
            raise ConfigError(f"task.label_form={label_form} counts labels; set task.labels to their file, or list")
        self._files, self._fields = TaskFiles(folder, hub_name, revision, files, encoding, test_share), fields
        self._splits = FileSplits(
            self._files,
            SplitSettings(dev_share, split_seed, limit, dev_from, label_source, test_share),
            overlap_policy(on_overlap, overlap_threshold, duplicates),
            slices,
            split_by,
        )
        self._label_file, self._label_form = labels, label_form
        self._demonstrations = demonstrations
        self.encoding, self.label_source = encoding, label_source

    def check(self) -> list[str]:
        try:
            self._text.question(self._loaded.examples["test"][0], self._descriptions)
            self.slices()
            self.solved()
        except ConfigError as error:
            return [str(error)]
        return []

    def examples(self, split: Split) -> list[Example]:
        return list(self._loaded.examples[split])

    def source(self) -> Mapping[str, Json]:
        label_file: dict[str, Json] = {str(path): digest_of(path) for path in (self._label_path,) if path is not None}
        return {
            **self._splits.source(),
            "label file": label_file,
            "labels": len(self._labels.names),
            "labels are read as": self._read_as,
            **self._counts,
        }

    def labels(self) -> tuple[str, ...]:
        return self._labels.names

    def question(self, example: Example) -> str:
        return self._text.question(example, self._descriptions)

    def student_question(self, example: Example) -> str:
        return self._text.student_question(example)

    def answer(self, example: Example, choice: int) -> str:
        return self._text.answer(example, choice)

    def parse(self, text: str, example: Example) -> int | None:
        return self._text.parse(text, example)

    def unanswered(self, where: str, values: Mapping[str, Any]) -> Example:
        return Example(where, self._row_text.of(Row(where, dict(values))), self._labels.names, None)

    def solved(self) -> Sequence[SolvedExample] | None:
        if self._demonstrations is not None:
            rows = rows_of_file(self._files.folder, self._demonstrations, self.encoding)
            own = (example for _, example in self._made(rows, "train"))
            return solved_rows(zip(rows, own, strict=True), self._rationale)
        if self._rationale is None or self.label_source == "teacher":
            return None
        train = {example.id for example in self._loaded.examples["train"]}
        own = (example for _, example in self._placed("train"))
        return solved_rows(zip(self._splits.rows["train"] or (), own, strict=True), self._rationale, train)

    def where(self, name: str) -> str:
        return self._loaded.places[name]

    def slices(self) -> Mapping[str, Sequence[str]]:
        return self._splits.slices(example.id for _, example in self._placed("test"))

    @cached_property
    def _loaded(self) -> Splits:
        rows = self._splits.rows
        return self._splits.load({split: None if rows[split] is None else self._placed(split) for split in rows})

    @cached_property
    def _labels(self) -> LabelList:
        if self._label_path is not None:
            return read_labels(self._label_path, self.encoding)
        if self._label_file is not None:
            return LabelList(tuple(self._label_file), ("",) * len(self._label_file), "task.labels")
        given = each(self._splits.rows["train"] or (), lambda row: self._given(row, "train"))
        return labels_in((label for label in given if label is not None), "task.files.train")

    @cached_property
    def _read_as(self) -> str:
        """A sentence on how the labels are read, with an example to check it by."""
        rows = self._splits.rows["test"] or self._splits.rows["train"] or []
        row = next(row for row in rows if self._given(row, "train") is not None)
        answers = {one.answer for rows in self._loaded.examples.values() for one in rows}
        return labels_told(self._labels, self._label_form, self._given(row, "test"), row.where, answers)

    @cached_property
    def _descriptions(self) -> dict[str, str]:
        return {name: told for name, told in zip(self._labels.names, self._labels.descriptions, strict=True) if told}

    @cached_property
    def _counts(self) -> dict[str, Json]:
        return counted(self._loaded, "classification")

    def _placed(self, split: Split) -> Iterator[Placed]:
        return self._made(self._splits.rows[split] or (), split)

    def _made(self, rows: Iterable[Row], split: Split) -> Iterator[Placed]:
        """Yield the examples that rows make, as those of a split."""
        seen: Counter[str] = Counter()
        column = self._fields["id"]

        def made(row: Row) -> Placed:
            text = self._row_text.of(row)
            given = self._given(row, split)
            label = None if given is None else self._labels.place(given, self._label_form, row.where)
            name = text_in(row, column, "task.fields.id") if column is not None else _digest(split, text)
            return row.where, Example(name, text, self._labels.names, label)

        for where, example in each(rows, made):
            yield where, example if column is not None else replace(example, id=numbered_id(example.id, seen))

    def _given(self, row: Row, split: Split) -> Any:
        """Return the label that a row gives; None where it gives none, which only training rows may."""
        column = str(self._fields["label"])
        value = value_in(row, column, "task.fields.label") if split != "train" else row.values.get(column)
        if isinstance(value, (list, tuple, dict)):
            raise ConfigError(
                f"{row.where}: the label {value!r:.60} is not one label; task=classification gives each text one: "
                "name a column of them in task.fields.label"
            )
        if not is_blank(value):
            return value
        if split != "train":
            raise ConfigError(f"{row.where}: the row has no label, and {split} is scored by labels; add it")
        return None

    @cached_property
    def _label_path(self) -> Path | None:
        """The file of the labels; None = they are listed, or those of the training rows."""
        if not isinstance(self._label_file, str):
            return None
        try:
            found = split_files(self._files.folder, self._label_file)
        except ConfigError as error:
            raise ConfigError(f"task.labels={self._label_file}: {error}") from error
        if len(found) > 1:
            raise ConfigError(f"task.labels={self._label_file} is {len(found)} files; name one")
        return found[0]


def _digest(split: Split, text: str) -> str:
    """Return an id for a text, a digest of it; texts that a split has twice are numbered."""
    return f"{split}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
