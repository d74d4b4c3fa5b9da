"""A recorded teacher: its stored output is joined to the task by id, and nothing is dropped silently."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import get_args

from distillrun.errors import ConfigError, nearest
from distillrun.files.rows import digest_of
from distillrun.interfaces import Task
from distillrun.records import WRONG_DECODES, Example, Json, Split, TeacherRecord, is_of, kind_of
from distillrun.teacher.shared.recording import Columns, Recording, own_records, read_recordings

_SPLITS: tuple[Split, ...] = get_args(Split)

_log = logging.getLogger(__name__)


class Recorded:
    """The project's own records, or any table that `distillrun.files.rows` reads, replayed.

    Args:
        folder: a folder or file for all splits, or one per split; dev rows come from that of train.
        fields: columns of the table: id; question and choices, which are compared with the task's; initial and revised,
            the rationales of the right choice; by_choice, with {number}, one rationale for each choice. None = there is
            no such column. The project's own records need none of it.
        max_missing_share: of the examples, how many may be without a row of their own.
    """

    def __init__(
        self,
        folder: str | Mapping[str, str] | None,
        fields: Mapping[str, str | None],
        max_missing_share: float,
    ) -> None:
        if not 0 <= max_missing_share < 1:
            raise ConfigError(f"teacher.max_missing_share={max_missing_share} must be at least 0 and below 1")
        self._fields, self._columns = dict(fields), Columns(fields)
        self._max_missing_share = max_missing_share
        named = folder if isinstance(folder, Mapping) else {} if folder is None else {"": folder}
        for split in named:
            if split and split not in _SPLITS:
                raise ConfigError(
                    f"teacher.folder.{split} is not a split{nearest(split, _SPLITS)}; give train and test,"
                    " or one folder for all"
                )
        self._folders = {split: Path(path) for split, path in named.items()}

    @cached_property
    def makes(self) -> frozenset[str]:
        """The kinds that the recordings hold; of a folder that cannot be read, those of `fields`."""
        try:
            stored = [record for path in self._folders.values() for record in own_records(path) or ()]
        except ConfigError:  # reported by `check`
            stored = []
        texts = [rationale for record in stored for rationale in record.rationales if rationale.text.strip()]
        kinds = {kind_of(rationale) for rationale in texts}
        kinds |= {WRONG_DECODES for rationale in texts if is_of(rationale, {WRONG_DECODES})}
        kinds |= {"answers" for record in stored if record.answer is not None}
        kinds |= {"choice_scores" for record in stored if record.choice_log_probs is not None}
        return frozenset(kinds) if stored else self._columns.makes

    def check(self, task: Task) -> list[str]:
        if not self._folders:
            return ["teacher.folder is not set; set it to the folder of the recordings, or one per split"]
        try:
            known: dict[str, dict[str, Example]] = {
                split: {one.id: one for one in task.examples(split)} for split in _SPLITS
            }
        except ConfigError:
            return []  # the task reports what is wrong with it
        known["train"] |= known["dev"]
        known[""] = known["train"] | known["test"]
        problems = []
        for split, path in self._folders.items():
            try:
                problems += self._strangers(path, known[split])
            except ConfigError as error:
                problems.append(f"teacher.folder: {error}")
        return problems

    def identity(self) -> Mapping[str, Json]:
        digests: list[Json] = [digest_of(path) for path in self._folders.values()]
        fields: dict[str, Json] = dict(self._fields)
        return {"recordings": digests, "fields": fields}

    def release(self) -> None:
        """Do nothing: nothing is held but the recordings."""

    def recall(self, examples: Sequence[Example]) -> Iterator[TeacherRecord]:
        counts = self.counts(examples)
        _log.info("teacher=recorded: %s", ", ".join(f"{count} {name}" for name, count in counts.items()))
        absent = counts["missing"] + counts["of another question"]
        if absent > self._max_missing_share * len(examples):
            shown = ", ".join(str(path) for path in self._folders.values())
            whose = "belongs to another task" if absent == len(examples) else "is missing rows of this task"
            raise ConfigError(
                f"teacher.folder={shown} {whose}: of {len(examples)} examples {counts['missing']} have no row of their"
                f" id and {counts['of another question']} have one of another question or other choices; give the right"
                f" folder or teacher.fields, or allow teacher.max_missing_share={absent / len(examples):.4f}"
            )
        for example in examples:
            yield self._record(example, Counter())

    def counts(self, examples: Sequence[Example]) -> dict[str, int]:
        """Return how the recordings join these examples, and what is missing, empty or there twice."""
        counts = Counter({"missing": 0, "of another question": 0, "without any rationale": 0})
        for example in examples:
            for rationale in self._record(example, counts).rationales:
                counts[f"{kind_of(rationale)} rationales"] += 1
        recordings, rows = self._recordings
        joined = len(examples) - counts["missing"] - counts["of another question"]
        return {"rows": rows, "duplicate rows": rows - len(recordings), "joined": joined, **counts}

    def _record(self, example: Example, counts: Counter[str]) -> TeacherRecord:
        recording = self._recordings[0].get(example.id)
        if recording is None:
            counts["missing"] += 1
        elif not recording.belongs_to(example):
            counts["of another question"] += 1
        else:
            record = recording.record(example, counts)
            counts["without any rationale"] += not record.rationales
            return record
        return TeacherRecord(example.id, (), {})

    @cached_property
    def _recordings(self) -> tuple[dict[str, Recording], int]:
        """The first recording of each id, and how many rows there are."""
        found: dict[str, Recording] = {}
        rows = 0
        for path in self._folders.values():
            for name, recording in read_recordings(path, self._columns):
                found.setdefault(name, recording)
                rows += 1
        return found, rows

    def _strangers(self, path: Path, examples: Mapping[str, Example]) -> list[str]:
        """Return a complaint if no row of a folder is of this task; reads until the first one that is."""
        names = []
        joined = 0
        for name, recording in read_recordings(path, self._columns):
            if name in examples and recording.belongs_to(examples[name]):
                return []
            joined += name in examples
            names.append(name)
        if not names:
            return [f"teacher.folder={path} holds no rows; give the folder of the recordings"]
        if joined:
            why = (
                f"{joined} of its {len(names)} rows have an id of this task, all with another question or other choices"
            )
        else:
            shown = f"its first id is {names[0]!r}, the task's {min(examples, default='')!r}"
            why = f"none of its {len(names)} rows joins it by id; {shown}"
        return [f"teacher.folder={path} belongs to another task: {why}"]
