"""The splits of a task that reads a user's files: rows by split, and what of them is train, dev and test."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from distillrun.files.rows import Row
from distillrun.records import Json, Split
from distillrun.task.shared.groups import groups_in
from distillrun.task.shared.on_overlap import OverlapPolicy
from distillrun.task.shared.slices import slices_in
from distillrun.task.shared.split import Placed, Splits, SplitSettings, load_splits
from distillrun.task.shared.task_files import TaskFiles


class FileSplits:
    """The rows of each split's files, and the splits that settings make of the examples in them.

    Args:
        files: where the rows are.
        settings: what of them is train, dev and test.
        overlap: what becomes of questions that stand again.
        slices: columns by whose values the test is scored apart; None = none.
        split_by: a column; rows with one value of it stay together where a split is cut from another. None = none.
    """

    def __init__(
        self,
        files: TaskFiles,
        settings: SplitSettings,
        overlap: OverlapPolicy,
        slices: Sequence[str] | None,
        split_by: str | None = None,
    ) -> None:
        self._files, self.settings, self._overlap = files, settings, overlap
        self.split_by = split_by
        self.slice_columns = tuple(slices or ())

    @cached_property
    def rows(self) -> dict[Split, list[Row] | None]:
        """The rows of each split; None for one that is cut from another."""
        paths = self._files.paths
        return {split: None if paths[split] is None else list(self._files.rows(split)) for split in paths}

    def source(self) -> dict[str, Json]:
        """Return where the rows come from, for the record."""
        return self._files.source()

    def load(
        self, placed: Mapping[Split, Iterable[Placed] | None], ids: Mapping[Split, Iterable[str]] | None = None
    ) -> Splits:
        """Return the splits.

        Args:
            placed: the examples of each split.
            ids: of all rows of each split, where not all of them have an example among these.

        Raises:
            ConfigError: as `load_splits` does.
        """
        if self.split_by is None:
            return load_splits(placed, self.settings, self._overlap)
        whole = {split: None if own is None else list(own) for split, own in placed.items()}
        groups: dict[str, str] = {}
        for split, own in whole.items():
            names = (example.id for _, example in own or ()) if ids is None else ids[split]
            groups |= groups_in(self.rows[split] or (), names, self.split_by)
        return load_splits(whole, self.settings, self._overlap, groups)

    def slices(self, ids: Callable[[Split], Iterable[str]]) -> Mapping[str, Sequence[str]]:
        """Return the slices of each row of test, or of the train from which it is cut, by its id.

        Empty where none are wanted. `ids` returns those of all rows of a split.
        """
        if not self.slice_columns:
            return {}
        split: Split = "train" if self.rows["test"] is None else "test"
        return slices_in(self.rows[split] or (), ids(split), self.slice_columns)
