"""Classification of texts from a user's own files by the same labels, two up to thousands, one or any number each."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from distillrun.errors import ConfigError
from distillrun.files.rows import digest_of
from distillrun.interfaces import LabelSource
from distillrun.records import Answer, Example, Json, SolvedExample, Split, place
from distillrun.task.shared.columns import check_keys
from distillrun.task.shared.file_splits import FileSplits
from distillrun.task.shared.label_list import LabelForm
from distillrun.task.shared.label_text import LabelText
from distillrun.task.shared.labelled_examples import LabelledExamples
from distillrun.task.shared.labelled_rows import LabelledRows
from distillrun.task.shared.labels_told import unusual_told
from distillrun.task.shared.on_overlap import Duplicates, OnOverlap, overlap_policy
from distillrun.task.shared.row_text import RowText
from distillrun.task.shared.solved_rows import rows_of_file, solved_rows
from distillrun.task.shared.split import Placed, Splits, SplitSettings, counted, scope_splits
from distillrun.task.shared.task_files import Files, TaskFiles


class Classification:
    """A classification task in any file or folder that `distillrun.files.rows` reads.

    A teacher reads a text with the list of labels, a student the text alone.

    Args:
        folder, hub_name, revision, files, encoding: see `TaskFiles`.
        fields: columns of id (None = a digest of the text), text, label, or a list of columns of 1 and 0, one for each
            label, and, for prompts that show rows, rationale.
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
        train_limit: keep so many training rows alone, drawn by split_seed, those of a smaller number among them.
        multi_label: a text has any number of the labels, none at all among them.
        label_separator: between the labels in a cell; None = a cell is a list, JSON or one label.
        out_of_scope: the label of rows that have none of the labels: they are never taught, and those of dev and test
            are for measures such as out_of_scope. None = there are none.
    """

    def __init__(
        self,
        folder: str | None,
        hub_name: str | None,
        revision: str,
        files: Files,
        encoding: str | None,
        fields: Mapping[str, str | Sequence[str] | None],
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
        train_limit: int | None = None,
        multi_label: bool = False,
        label_separator: str | None = None,
        out_of_scope: str | None = None,
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
        own, text, label, rationale = (fields.get(name) for name in ("id", "text", "label", "rationale"))
        if label is None or (text is None and template is None):
            name = "text" if label is not None else "label"
            raise ConfigError(f"task.fields.{name} is not set; name the column that holds it")
        if not (isinstance(own, str | None) and isinstance(text, str | None) and isinstance(rationale, str | None)):
            raise ConfigError(f"task.fields={dict(fields)}: all but label are one column each; see task.template")
        self._rationale, self._demonstrations = rationale, demonstrations
        self._files = TaskFiles(folder, hub_name, revision, files, encoding, test_share)
        self._splits = FileSplits(
            self._files,
            SplitSettings(dev_share, split_seed, limit, dev_from, label_source, test_share, train_limit),
            overlap_policy(on_overlap, overlap_threshold, duplicates),
            slices,
            split_by,
        )
        self._labelled = LabelledRows(
            self._files,
            self._splits,
            label,
            labels,
            label_form,
            encoding,
            multi_label,
            label_separator,
            out_of_scope,
        )
        row_text = RowText(text or "", template, "task.fields.text")
        self._examples = LabelledExamples(self._labelled, row_text, own, label_source)
        self.encoding, self.label_source, self.multi_label = encoding, label_source, multi_label

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
        path = self._labelled.path
        label_file: dict[str, Json] = {} if path is None else {str(path): digest_of(path)}
        return {
            **self._splits.source(),
            "label file": label_file,
            "labels": len(self.labels()),
            "labels are read as": self._read_as,
            **self._counts,
        }

    def labels(self) -> tuple[str, ...]:
        return self._labelled.labels.names

    def question(self, example: Example) -> str:
        return self._text.question(example, self._descriptions)

    def student_question(self, example: Example) -> str:
        return self._text.student_question(example)

    def answer(self, example: Example, choice: Answer) -> str:
        return self._text.answer(example, choice)

    def parse(self, text: str, example: Example) -> int | None:
        return self._text.parse(text, example)

    def parse_labels(self, text: str, example: Example) -> tuple[int, ...] | None:
        return self._text.parse_labels(text, example)

    def out_of_scope(self, split: Split) -> list[Example]:
        return list(self._apart[split])

    def unanswered(self, where: str, values: Mapping[str, Any]) -> Example:
        return self._examples.unanswered(where, values)

    def solved(self) -> Sequence[SolvedExample] | None:
        if self._demonstrations is not None:
            rows = rows_of_file(self._files.folder, self._demonstrations, self.encoding)
            own = (example for _, example, _ in self._examples.of(self._labelled.read(rows, "train"), "train"))
            return solved_rows(zip(rows, own, strict=True), self._rationale)
        if self._rationale is None or self.label_source == "teacher":
            return None
        train = {example.id for example in self._loaded.examples["train"]}
        own = (example for _, example, _ in self._examples.splits["train"])
        return solved_rows(zip(self._splits.rows["train"] or (), own, strict=True), self._rationale, train)

    def where(self, name: str) -> str:
        return self._loaded.places[name]

    def slices(self) -> Mapping[str, Sequence[str]]:
        return self._splits.slices(lambda split: (example.id for _, example, _ in self._examples.splits[split]))

    @cached_property
    def _loaded(self) -> Splits:
        rows = self._splits.rows
        ids = {split: [example.id for _, example, _ in made] for split, made in self._examples.splits.items()}
        splits = self._splits.load({split: None if rows[split] is None else self._placed(split) for split in rows}, ids)
        apart = {split: len(self.out_of_scope(split)) for split in splits.examples}
        unusual_told(splits.examples, apart, self._labelled.out_of_scope)
        return splits

    @cached_property
    def _read_as(self) -> str:
        given = [one.answer for rows in self._loaded.examples.values() for one in rows]
        return self._labelled.told({None if answer is None else place(answer) for answer in given})

    @cached_property
    def _descriptions(self) -> dict[str, str]:
        labels = self._labelled.labels
        return {name: told for name, told in zip(labels.names, labels.descriptions, strict=True) if told}

    @cached_property
    def _counts(self) -> dict[str, Json]:
        apart: dict[str, Json] = {split: len(rows) for split, rows in self._apart.items() if rows}
        return {**counted(self._loaded, "classification"), **({"out of scope": apart} if apart else {})}

    @cached_property
    def _apart(self) -> dict[Split, list[Example]]:
        """The texts of each split that have none of the labels."""
        made = {split: own for split, own in self._examples.splits.items() if self._splits.rows[split] is not None}
        apart = {split: [example for _, example, apart in own if apart] for split, own in made.items()}
        return scope_splits(apart, self._splits.settings)

    def _placed(self, split: Split) -> Iterator[Placed]:
        return ((where, example) for where, example, apart in self._examples.splits[split] if not apart)
