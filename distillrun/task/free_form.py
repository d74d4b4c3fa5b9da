"""Questions in free form from a user's own files: the answer is a text, and a scorer says how good one is."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from distillrun.errors import ConfigError
from distillrun.files.rows import Row
from distillrun.interfaces import AnswerScorer, LabelSource
from distillrun.records import Answer, Example, FreeAnswer, Json, Split
from distillrun.task.shared.choice_row import text_in
from distillrun.task.shared.columns import check_keys
from distillrun.task.shared.file_splits import FileSplits
from distillrun.task.shared.free_answer import FreeAnswerText
from distillrun.task.shared.on_overlap import OnOverlap, overlap_policy
from distillrun.task.shared.reference import References
from distillrun.task.shared.row_text import RowText
from distillrun.task.shared.split import Placed, Splits, SplitSettings
from distillrun.task.shared.task_files import Files, TaskFiles
from distillrun.text.template import Template


class FreeForm:
    """A task with answers in free form, in any file or folder that `distillrun.files.rows` reads.

    Args:
        folder, hub_name, revision, files, encoding: see `TaskFiles`.
        fields: columns of id (None = a digest of the question), question, reference (the right answer, or a list of all
            that are accepted; the first is taught) and rationale (why it is right; None = there is none).
        template: the question made of several columns, such as "{Body}. {Question}", see `RowText`; None =
            fields.question alone.
        reference_marker, reference_separator, reference_names, rationale_without: see `References`.
        question_template: what teachers and students read: `{question}`.
        answer_template: how an answer is written: `{answer}`.
        answer_markers: what the answer follows in a text that holds more, whatever the case. Of the first one on the
            list that stands in the text, the last place counts.
        scorer: what an answer is, and how good one is.
        dev_share, split_seed, dev_from, limit, on_overlap, overlap_threshold, label_source, slices, test_share: as of
            `MultipleChoice`.

    Raises:
        ConfigError: a setting is none, or is missing.
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
        reference_marker: str | None,
        reference_separator: str | None,
        reference_names: Sequence[str] | None,
        rationale_without: str | None,
        question_template: str,
        answer_template: str,
        answer_markers: Sequence[str],
        scorer: AnswerScorer,
        dev_share: float,
        dev_from: Literal["train", "test"],
        test_share: float,
        split_seed: int,
        label_source: LabelSource,
        slices: Sequence[str] | None,
        limit: int | None,
        on_overlap: OnOverlap,
        overlap_threshold: float,
    ) -> None:
        check_keys("fields", fields, ("id", "question", "reference", "rationale"))
        if fields["question"] is None and template is None:
            raise ConfigError("task.fields.question is not set; name the column that holds it, or set task.template")
        self._question = Template(question_template, {"question"}, "task.question_template")
        if "{question}" not in question_template:
            raise ConfigError(f"task.question_template={question_template!r} shows no question; put {{question}} in it")
        self.scorer = scorer
        self._text = FreeAnswerText(answer_template, answer_markers, scorer)
        self._row_text = RowText(fields["question"] or "", template, "task.fields.question")
        self._references = References(fields, reference_marker, reference_separator, reference_names, rationale_without)
        self._splits = FileSplits(
            TaskFiles(folder, hub_name, revision, files, encoding, test_share),
            SplitSettings(dev_share, split_seed, limit, dev_from, label_source, test_share),
            overlap_policy(on_overlap, overlap_threshold, None),
            slices,
        )
        self._id, self.encoding, self.label_source = fields["id"], encoding, label_source

    def check(self) -> list[str]:
        try:
            _ = self._loaded, self.slices()
        except ConfigError as error:
            return [str(error)]
        return []

    def examples(self, split: Split) -> list[Example]:
        return list(self._loaded.examples[split])

    def source(self) -> Mapping[str, Json]:
        dropped: dict[str, Json] = {split: count for split, count in self._loaded.dropped.items() if count}
        shown = self.an_answer().text
        told = {"answers": f"such as {shown!r:.100}", "right": self.scorer.rule}
        return {**self._splits.source(), **told, **({"dropped": dropped} if dropped else {})}

    def question(self, example: Example) -> str:
        return self._question.render({"question": example.question})

    def student_question(self, example: Example) -> str:
        return self.question(example)

    def answer(self, example: Example, choice: Answer) -> str:
        return self._text.written(choice)

    def parse(self, text: str, example: Example) -> FreeAnswer | None:
        return self._text.read(text, example.answer)

    def reading(self) -> Mapping[str, Json]:
        scorer: dict[str, Json] = {"name": f"scorer/{type(self.scorer).__name__}", **self.scorer.identity()}
        return {"markers": list(self._text.markers), "scorer": scorer}

    def an_answer(self) -> FreeAnswer:
        return next(one.answer for one in self._loaded.examples["test"] if isinstance(one.answer, FreeAnswer))

    def rationale(self, example: Example) -> str:
        return self._rationales.get(example.id, "")

    def unanswered(self, where: str, values: Mapping[str, Any]) -> Example:
        return Example(where, self._row_text.of(Row(where, dict(values))), (), None)

    def slices(self) -> Mapping[str, Sequence[str]]:
        return self._splits.slices(lambda split: (example.id for _, example in self._placed[split] or ()))

    @cached_property
    def _loaded(self) -> Splits:
        return self._splits.load(self._placed)

    @cached_property
    def _placed(self) -> dict[Split, list[Placed] | None]:
        rows = self._splits.rows
        return {split: None if own is None else list(self._of(own, split)) for split, own in rows.items()}

    @cached_property
    def _rationales(self) -> dict[str, str]:
        return {
            example.id: self._references.rationale(row)
            for split, placed in self._placed.items()
            for row, (_, example) in zip(self._splits.rows[split] or (), placed or (), strict=True)
        }

    def _of(self, rows: Sequence[Row], split: Split) -> Iterator[Placed]:
        seen: dict[str, int] = {}
        for row in rows:
            question = self._row_text.of(row)
            found = self._references.accepted(row, split == "train" and self.label_source != "gold")
            answer = None if not found else self._text.reference(found, row.where)
            name = text_in(row, self._id, "task.fields.id") if self._id is not None else _digest(split, question, seen)
            yield row.where, Example(name, question, (), answer)


def _digest(split: Split, question: str, seen: dict[str, int]) -> str:
    """Return an id for a question: a digest of it, numbered where the split has the same question again."""
    name = f"{split}-{hashlib.sha256(question.encode()).hexdigest()[:16]}"
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"
