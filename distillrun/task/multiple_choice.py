"""Multiple choice from a user's own files: question, two or more choices, answer, in columns of any name."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Literal

from distillrun.errors import ConfigError, each
from distillrun.files.rows import Row
from distillrun.interfaces import LabelSource
from distillrun.records import Example, Json, SolvedExample, Split
from distillrun.task.shared.answer_form import FORMS, AnswerForm, answer_index, form_of
from distillrun.task.shared.choice_order import shuffled, warn_of_one_place
from distillrun.task.shared.columns import RowQuestion, columns_of, numbered
from distillrun.task.shared.file_splits import FileSplits
from distillrun.task.shared.multiple_choice_text import MultipleChoiceText
from distillrun.task.shared.on_overlap import Duplicates, OnOverlap, overlap_policy
from distillrun.task.shared.solved_rows import rows_of_file, solved_rows
from distillrun.task.shared.split import Splits, SplitSettings, counted
from distillrun.task.shared.task_files import Files, TaskFiles
from distillrun.text.overlap import EQUAL_ALONE

_log = logging.getLogger(__name__)


class MultipleChoice(MultipleChoiceText):
    """A multiple-choice task in any file or folder that `distillrun.files.rows` reads.

    Args:
        folder, hub_name, revision, files, encoding: see `TaskFiles`.
        fields: columns of id, question, choices and answer. id None = a digest of question and choices. choices is a
            column that holds a list, or a list of columns, or None where `choices` is given. rationale, for prompts
            that show rows, may be None.
        template: the question made of several columns, such as "{passage}\\n{question}", see `RowText`; None =
            fields.question alone.
        choices: the choices of every question, such as yes and no.
        answer_form: how the answer is written: text, letter, index (from 0), number (from 1), boolean; auto finds the
            one that fits all rows of all files, says which it is, and refuses what could mean two choices.
        shuffle_choices: bring the choices of each question into an order drawn by split_seed and its id, where the
            files have the right answer always at one place.
        question_template, choice_template, choice_separator, answer_template: see `MultipleChoiceText`.
        dev_share, split_seed, dev_from: dev is this share of this split, drawn by this seed; of train, it is of the
            rows that have answers.
        limit: keep only the first examples of each split; None = all.
        on_overlap, overlap_threshold: what becomes of questions that stand twice, or nearly, see `OverlapPolicy`.
        duplicates: the former name of on_overlap.
        label_source: of the training rows, see `LabelSource`; unless it is gold, they may be without answers.
        slices: columns by whose values the test is scored apart, too; None = none.
        test_share: where test has no file, it is this share of train, of the rows that have answers.
        demonstrations: a file of rows in the same columns, which prompts that show rows take; None = training rows that
            have answers of their own.
        split_by: a column such as customer_id; the rows that have one value of it stay together where dev or test is a
            share of another split. None = rows are drawn one by one.
        train_limit: keep so many training rows alone, drawn by split_seed, those of a smaller number among them.
    """

    def __init__(
        self,
        folder: str | None,
        files: Files,
        fields: Mapping[str, str | Sequence[str] | None],
        choices: Sequence[str] | None,
        answer_form: AnswerForm,
        question_template: str,
        choice_template: str,
        choice_separator: str,
        answer_template: str,
        dev_share: float,
        split_seed: int,
        limit: int | None,
        duplicates: Duplicates | None = None,
        on_overlap: OnOverlap = "report",
        overlap_threshold: float = EQUAL_ALONE,
        hub_name: str | None = None,
        revision: str = "main",
        encoding: str | None = None,
        template: str | None = None,
        shuffle_choices: bool = False,
        dev_from: Literal["train", "test"] = "train",
        label_source: LabelSource = "gold",
        slices: Sequence[str] | None = None,
        test_share: float = 0.0,
        demonstrations: str | None = None,
        split_by: str | None = None,
        train_limit: int | None = None,
    ) -> None:
        super().__init__(question_template, choice_template, choice_separator, answer_template)
        self._files = TaskFiles(folder, hub_name, revision, files, encoding, test_share)
        self._splits = FileSplits(
            self._files,
            SplitSettings(dev_share, split_seed, limit, dev_from, label_source, test_share, train_limit),
            overlap_policy(on_overlap, overlap_threshold, duplicates),
            slices,
            split_by,
        )
        self._columns = columns_of(fields, choices, template)
        self._rationale = None if fields.get("rationale") is None else str(fields["rationale"])
        self._answer_form: AnswerForm = answer_form
        self._shuffle = shuffle_choices
        self._demonstrations = demonstrations
        self.encoding, self.label_source = encoding, label_source

    def check(self) -> list[str]:
        try:
            _ = self._loaded, self.slices(), self.solved()
        except ConfigError as error:
            return [str(error)]
        return []

    def examples(self, split: Split) -> list[Example]:
        return list(self._loaded.examples[split])

    def source(self) -> Mapping[str, Json]:
        return {**self._splits.source(), "answers": self._answers, "unused columns": self._unused, **self._counts}

    def unanswered(self, where: str, values: Mapping[str, Any]) -> Example:
        return self._columns.unanswered(Row(where, dict(values)))

    def solved(self) -> Sequence[SolvedExample] | None:
        if self._demonstrations is not None:
            rows = rows_of_file(self._files.folder, self._demonstrations, self.encoding)
            own = numbered(each(rows, self._columns.asked), Counter())
            return solved_rows(zip(rows, map(self._example, own), strict=True), self._rationale)
        if self._rationale is None or self.label_source == "teacher":
            return None
        train = {example.id for example in self._loaded.examples["train"]}
        asked = map(self._example, self._asked["train"] or ())
        return solved_rows(zip(self._splits.rows["train"] or (), asked, strict=True), self._rationale, train)

    def where(self, name: str) -> str:
        return self._loaded.places[name]

    def slices(self) -> Mapping[str, Sequence[str]]:
        return self._splits.slices(lambda split: (one.id for one in self._asked[split] or ()))

    @cached_property
    def _loaded(self) -> Splits:
        placed = {
            split: None if rows is None else each(rows, lambda one: (one.given.where, self._example(one)))
            for split, rows in self._asked.items()
        }
        warn_of_one_place(
            [example for rows in placed.values() for _, example in rows or ()], "task.shuffle_choices=true"
        )
        return self._splits.load(placed)

    @cached_property
    def _asked(self) -> dict[Split, list[RowQuestion] | None]:
        """The questions of each split's rows; None for a split without a file."""
        seen: Counter[str] = Counter()
        asked: dict[Split, list[RowQuestion] | None] = {}
        for split, given in self._splits.rows.items():
            may_lack = split == "train" and self.label_source != "gold"
            asking = partial(self._columns.asked, may_lack_answers=may_lack)
            rows = None if given is None else each(given, asking)
            asked[split] = rows if rows is None or self._columns.id is not None else numbered(rows, seen)
        return asked

    @cached_property
    def _form(self) -> AnswerForm:
        """The form of the answers, decided for all files together."""
        if self._answer_form != "auto":
            return self._answer_form
        return form_of([one.given for rows in self._asked.values() for one in rows or ()])

    @cached_property
    def _answers(self) -> str:
        """A sentence on how the answers are read, with an example to check it by."""
        given = (one.given for rows in self._asked.values() for one in rows or ())
        first, place = next((one, place) for one in given if (place := answer_index(one, self._form)) is not None)
        meant = first.choices[place]
        told = f"{FORMS[self._form]} (task.answer_form={self._form}), such as {first.answer!r} for {meant!r}"
        _log.info("task=multiple_choice: answers are read as %s", told)
        return told

    @cached_property
    def _unused(self) -> str:
        unread = self._columns.unused((self._splits.rows["train"] or [])[0])
        read = {*self._splits.slice_columns, self._rationale, self._splits.split_by}
        unused = ", ".join(column for column in unread if column not in read)
        if unused:
            _log.info("task=multiple_choice: columns that are not read: %s", unused)
        return unused

    @cached_property
    def _counts(self) -> dict[str, Json]:
        return counted(self._loaded, "multiple_choice")

    def _example(self, one: RowQuestion) -> Example:
        example = Example(one.id, one.question, one.given.choices, answer_index(one.given, self._form))
        return shuffled(example, self._splits.settings.split_seed) if self._shuffle else example
