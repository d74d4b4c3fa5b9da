"""CommonsenseQA from the Hub or from local files. Its test labels are hidden, so `test` is its validation set."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from distillrun.errors import ConfigError
from distillrun.files.rows import Row, digest_of, read_all
from distillrun.files.split_files import split_files, stem_patterns
from distillrun.interfaces import LabelSource
from distillrun.records import Example, Json, Split
from distillrun.task.shared.answer_form import Given, answer_index
from distillrun.task.shared.choice_row import choices_in, text_in, value_in
from distillrun.task.shared.hub import hub_files
from distillrun.task.shared.multiple_choice_text import MultipleChoiceText
from distillrun.task.shared.on_overlap import Duplicates, OnOverlap, overlap_policy
from distillrun.task.shared.split import Placed, Splits, SplitSettings, counted, load_splits
from distillrun.text.overlap import EQUAL_ALONE

_STEMS = ("train", "validation")
_CURE = "set task.folder to a folder with train and validation files (.jsonl, .csv, .parquet, …)"


class CommonsenseQA(MultipleChoiceText):
    """Talmor et al. 2019, https://aclanthology.org/N19-1421, in the official schema or the flat one of CoS-E v1.11.

    Args:
        folder: holds `train.*` and `validation.*`; None = from the Hub.
        hub_name, revision: where it is on the Hub; the commit that the revision resolved to is recorded.
        question_template, choice_template, choice_separator, answer_template: see `MultipleChoiceText`.
        dev_share, split_seed: dev is this share of train, drawn by this seed.
        limit: keep only the first examples of each split; None = all.
        on_overlap, overlap_threshold: what becomes of questions that stand twice, or nearly, see `OverlapPolicy`.
        duplicates: the former name of on_overlap.
        label_source: of the training rows, see `LabelSource`; unless it is gold, they may be without answers.
    """

    def __init__(
        self,
        folder: str | None,
        hub_name: str,
        revision: str,
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
        label_source: LabelSource = "gold",
    ) -> None:
        super().__init__(question_template, choice_template, choice_separator, answer_template)
        self._settings = SplitSettings(dev_share, split_seed, limit, label_source=label_source)
        self._folder = Path(folder) if folder is not None else None
        self._hub_name, self._revision = hub_name, revision
        self._overlap = overlap_policy(on_overlap, overlap_threshold, duplicates)
        self.label_source = label_source

    def check(self) -> list[str]:
        try:
            _ = self._loaded
        except ConfigError as error:
            return [str(error)]
        return []

    def examples(self, split: Split) -> list[Example]:
        return list(self._loaded.examples[split])

    def source(self) -> Mapping[str, Json]:
        if self._folder is not None:
            files: dict[str, Json] = {str(path): digest_of(path) for paths in self._paths for path in paths}
            return {"files": files, **self._counts}
        hub: dict[str, Json] = {"name": self._hub_name, "revision": self._revision, "commit": self._snapshot.name}
        return {"hub": hub, **self._counts}

    def where(self, name: str) -> str:
        return self._loaded.places[name]

    @cached_property
    def _loaded(self) -> Splits:
        train, validation = self._paths
        placed: dict[Split, Iterator[Placed] | None] = {
            "train": ((row.where, _example(row)) for row in read_all(train)),
            "dev": None,
            "test": ((row.where, _example(row)) for row in read_all(validation)),
        }
        return load_splits(placed, self._settings, self._overlap)

    @cached_property
    def _counts(self) -> dict[str, Json]:
        return counted(self._loaded, "commonsenseqa")

    @property
    def _paths(self) -> tuple[list[Path], list[Path]]:
        """The files of train and of the official validation set."""
        folder = self._folder or self._snapshot
        try:
            train, validation = (split_files(folder, stem) for stem in _STEMS)
        except ConfigError as error:
            where = f"folder={self._folder}" if self._folder else f"hub_name={self._hub_name}"
            raise ConfigError(f"task.{where}: {error}; {_CURE}") from error
        return train, validation

    @cached_property
    def _snapshot(self) -> Path:
        return hub_files(self._hub_name, self._revision, stem_patterns(_STEMS), _CURE)


def _example(row: Row) -> Example:
    """Read the official schema (as on the Hub, or nested under `question` as first released) or the flat one."""
    nested = row.values.get("question")
    inner = Row(row.where, {**row.values, **nested}) if isinstance(nested, dict) else row
    question = text_in(inner, "stem" if inner is not row else "question", "task=commonsenseqa")
    choices = choices_in(value_in(inner, "choices", "task=commonsenseqa"), row, "choices")
    by_label = "answerKey" in row.values
    given = value_in(row, "answerKey" if by_label else "answer", "task=commonsenseqa")
    answer = answer_index(Given(row.where, given, choices), "letter" if by_label else "text")
    return Example(text_in(row, "id", "task=commonsenseqa"), question, choices.texts, answer)
