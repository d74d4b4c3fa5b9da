"""The answers of a trained student to a file of rows: written as they are made, and gone on with where they end."""

import csv
import io
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distillrun.config.schema import Progress
from distillrun.errors import ConfigError, each, listed
from distillrun.files.csv_text import csv_text
from distillrun.files.inside import append_to, read_text, write_whole
from distillrun.files.rows import read_rows
from distillrun.interfaces import FileTask, has_label_sets
from distillrun.pipeline.predict import TrainedStudent
from distillrun.process.progress import Bar
from distillrun.records import Example, TargetPair, answer_text

_log = logging.getLogger(__name__)

ADDED = ("prediction", "confidence", "run")
"""The columns that follow those of the file: the answer, how sure the student is of it, and whose answer it is."""

SCOPE = "out_of_scope"
"""The column before these where the run fitted a gate: yes where a text has none of the labels."""

CHUNK = 256
"""Rows that are answered, and written, at once: what a kill can lose."""


def predict_file(student: TrainedStudent, run: str, file: Path, out: Path, progress: Progress) -> tuple[int, int]:
    """Write a CSV with the rows of a file and the student's answers; rows that it holds already are not answered again.

    Args:
        student: loaded.
        run: the name of its run, which each row gets.
        file: in any form that tasks read, in the task's encoding; its columns are the task's, without the answer.
        out: the CSV. A spreadsheet runs none of its cells.
        progress: when bars are drawn.

    Returns:
        How many rows were answered, and how many were there.

    Raises:
        ConfigError: the task reads no files, a row is malformed, or `out` holds something else.
    """
    if not isinstance(student.task, FileTask):
        raise ConfigError(
            "--file needs a run of a task that reads files: task=classification, multiple_choice or free_form"
        )
    rows = list(read_rows(file, student.task.encoding))
    if not rows:
        raise ConfigError(f"--file {file} holds no rows")
    task = student.task
    examples = each(rows, lambda row: task.unanswered(row.where, row.values))
    _check_lengths(student, examples)
    columns = list(dict.fromkeys(str(column) for row in rows for column in row.values))
    added = ADDED if student.scope is None else (SCOPE, *ADDED)
    if clash := sorted({*columns} & {*added}):
        raise ConfigError(f"--file {file} has a column {clash[0]!r}, which --out needs for itself; rename it")
    kept = [[_cell(row.values.get(column)) for column in columns] for row in rows]
    done = _written(out, [*columns, *added], kept, run)
    unparsed = 0
    with Bar("predict", len(rows), done, progress, "rows") as bar:
        for start in range(done, len(rows), CHUNK):
            asked = examples[start : start + CHUNK]
            answers = [
                [*cells, *answer, run]
                for cells, answer in zip(kept[start : start + CHUNK], _answers(student, asked), strict=True)
            ]
            unparsed += sum(cells[-3] is None for cells in answers)
            with append_to(out.parent, out.name) as stream:
                stream.write(csv_text((), answers).removeprefix("\n").encode())
                stream.flush()
                os.fsync(stream.fileno())
            bar.advance(units=len(asked))
    if unparsed:
        _log.warning(
            "%d of %d rows have no prediction, since no answer can be read from what the student wrote",
            unparsed,
            len(rows) - done,
        )
    return len(rows) - done, done


def _check_lengths(student: TrainedStudent, examples: Sequence[Example]) -> None:
    """Say which rows are longer than the student reads. Raises ConfigError where it was trained to cut none."""
    task, objective = student.task, student.objective

    def asked_of(one: Example) -> TargetPair:
        longest = max(range(len(one.choices)), key=lambda place: len(one.choices[place]), default=None)
        answer = () if longest is None else objective.continuation(one, longest, task, "")
        return TargetPair(objective.query(one, task).answer, answer, "predict")

    long = [one for one in student.long_texts(map(asked_of, examples)) if one.part == "source"]
    cure = "shorten the row, leave it out, or train a student with student.truncate=tail"
    refused = [
        f"{examples[one.index].id}: {one.tokens:,} tokens, and this student reads {one.setting}; {cure}"
        for one in long
        if one.problem
    ]
    if refused:
        raise ConfigError(listed(refused))
    if long:
        most = max(one.tokens for one in long)
        told = "%d of %d rows are longer than %s tokens, the longest has %d; they are cut, as in training"
        _log.warning(told, len(long), len(examples), long[0].setting, most)


def _answers(student: TrainedStudent, examples: Sequence[Example]) -> list[list[object]]:
    """Return the cells of each answer: whether it is out of scope, where that is known, its text, and the confidence.

    The text is None where it is unparsed. Of several labels both are lists, as JSON.
    """
    if has_label_sets(student.task):
        return [
            [json.dumps([name for name, _ in own], ensure_ascii=False), json.dumps([round(sure, 6) for _, sure in own])]
            for own in student.label_sets(examples)
        ]
    apart = [] if student.scope is None else student.out_of_scope(examples)
    return [
        [
            *(["yes" if apart[n] else "no"] if apart else []),
            None if choice is None else answer_text(example, choice),
            None if sure is None else round(sure, 6),
        ]
        for n, (example, (choice, sure)) in enumerate(zip(examples, student.answers(examples), strict=True))
    ]


def _cell(value: Any) -> object:
    """Return a value of a row as a cell: lists and mappings as JSON."""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | Mapping) else value


def _written(out: Path, header: Sequence[str], kept: Sequence[Sequence[object]], run: str) -> int:
    """Return how many rows a file holds, torn ones cut off; it gets its header where it is not there.

    Raises:
        ConfigError: it holds other columns, other rows, or the answers of another run.
    """
    if not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}; make it first")
    if not os.path.lexists(out):
        write_whole(out.parent, out.name, csv_text(header, []))
        return 0
    try:
        text = read_text(out.parent, out.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--out {out} cannot be read ({error}); name another file") from error
    lines = io.StringIO(text, newline="\n").readlines()
    found = csv.reader(lines)
    if next(found, None) != _parsed(header):
        raise ConfigError(f"--out {out} holds other columns than {', '.join(header)}; name another file")
    rows, end = 0, found.line_num
    for record in found:
        is_whole = len(record) == len(header) and lines[found.line_num - 1].endswith("\n")
        own = record[: len(kept[rows])] if rows < len(kept) else []
        if is_whole and rows < len(kept) and record[-1] == run and own == _parsed(kept[rows]):
            rows, end = rows + 1, found.line_num
        elif found.line_num < len(lines) or (text.endswith("\n") and len(record) >= len(header)):  # not torn
            raise ConfigError(f"--out {out}: row {rows + 1} is of another file or another run; name another file")
    if end < len(lines):
        write_whole(out.parent, out.name, "".join(lines[:end]))
    return rows


def _parsed(cells: Sequence[object]) -> list[str]:
    """Return cells as they are read back."""
    return next(csv.reader(io.StringIO(csv_text((), [cells]).removeprefix("\n"), newline="\n")))
