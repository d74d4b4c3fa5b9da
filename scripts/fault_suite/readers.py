"""Everything that reads what others wrote, as functions of bytes: an answer, a refusal in words, or a crash."""

import csv
import gzip
import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow  # type: ignore[import-untyped]
import yaml

from distillrun.artifacts.manifest import read_manifest
from distillrun.config.build import build
from distillrun.config.compose import conf_folder
from distillrun.errors import ConfigError
from distillrun.files.jsonl import read_records, write_records
from distillrun.files.rows import read_rows
from distillrun.journal.ledger import Ledger
from distillrun.journal.rows import Journal
from distillrun.records import Budget, Completion, Example, Prediction, Price, TeacherRecord
from distillrun.report.comparison.table import Request, read_observations
from distillrun.study.answers import Columns, checksum, read_answers
from distillrun.study.key import Key
from distillrun.task.multiple_choice import MultipleChoice
from distillrun.teacher.openai_api.answer import UnreadableError, read_answer
from distillrun.teacher.openai_api.error import error_status
from tests.loopback import written

REFUSALS = (ConfigError, UnreadableError)
"""What says in words that an input is not taken."""

Reading = Callable[[Path, bytes], object]


@dataclass(frozen=True)
class Reader:
    """A reader of a file.

    Attributes:
        seed: a good file.
        read: writes the bytes into a folder and reads them.
    """

    seed: bytes
    read: Reading


def _written(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def _records(kind: type, name: str) -> Reading:
    def read(folder: Path, content: bytes) -> None:
        found = read_records(_written(folder, name, content), kind)
        write_records(folder / f"again-{name}", found)  # what is read can be written

    return read


def _rows(name: str) -> Reading:
    def read(folder: Path, content: bytes) -> None:
        for row in read_rows(_written(folder, name, content)):
            _finite(row.values)

    return read


def _workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in csv.reader(CSV.decode().splitlines()):
        book.active.append(row)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def _finite(value: Any) -> None:
    """Raise where a value from a file of users holds a number that no file of ours can hold."""
    if isinstance(value, dict):
        for one in value.values():
            _finite(one)
    elif isinstance(value, list | tuple):
        for one in value:
            _finite(one)
    elif isinstance(value, float) and not math.isfinite(value):
        raise AssertionError(f"{value} was taken")


def _task(folder: Path, content: bytes) -> None:
    _written(folder, "train.jsonl", content)
    _written(folder, "test.jsonl", QUESTIONS.replace(b'"id": "q', b'"id": "t'))
    task: MultipleChoice = build({**QUESTION_LEAF, "folder": str(folder)}, "task")
    found = task.examples("train")
    if any(not 0 <= example.answer < len(example.choices) for example in found):
        raise AssertionError("an answer that is no choice was taken")


def _answer(folder: Path, content: bytes) -> None:
    error_status(content)
    answer = read_answer(content, "application/json")
    json.dumps([answer.text, answer.usage, answer.tokens, answer.first], allow_nan=False)


def _journal(folder: Path, content: bytes) -> None:
    (folder / "journal").mkdir(exist_ok=True)
    _written(folder / "journal", "step.jsonl", content)
    Journal(folder / "journal", "step").read()


def _ledger(folder: Path, content: bytes) -> None:
    (folder / "ledger").mkdir(exist_ok=True)
    for old in (folder / "ledger").iterdir():
        old.unlink()
    _written(folder / "ledger", "ledger.jsonl", content)
    ledger = Ledger(folder / "ledger", Price(1.0, 1.0), Budget(10**6, None, 1e6))
    spent = ledger.spent()
    if not (
        math.isfinite(spent.usd) and min(spent.requests, spent.prompt_tokens, spent.completion_tokens, spent.usd) >= 0
    ):
        raise AssertionError(f"{spent} was taken")


def _manifest(folder: Path, content: bytes) -> None:
    _written(folder, "manifest.json", content)
    read_manifest(folder)


def _study(folder: Path, content: bytes) -> None:
    key = _written(folder, "key.json", content)
    read_answers([_written(folder, "rater.json", ANSWERS)], key, COLUMNS)


def _study_answers(folder: Path, content: bytes) -> None:
    key = _written(folder, "key.json", KEY)
    read_answers([_written(folder, "rater.json", content)], key, COLUMNS)


def _table(folder: Path, content: bytes) -> None:
    read_observations(_written(folder, "table.csv", content), Request("value", ("model", "size")))


ROWS = b'{"id": "1", "question": "Which?", "choices": ["red", "blue"], "answer": "red", "n": -2.5}\n'
QUESTIONS = b"".join(
    json.dumps({"id": f"q{n}", "question": f"Which {n}?", "choices": ["red", "blue"], "answer": "red"}).encode() + b"\n"
    for n in range(4)
)
CSV = b'id,question,choices,answer,n\n1,"Which, then?","[""red"", ""blue""]",red,-2.5\n2,Who?,"[1]",b,1e3\n'
TABLE = b"model,size,value\na,small,0.5\nb,small,0.25\na,large,0.75\nb,large,1.0\n"
LEDGER = b"[1, 10, 20, 0.1]\n[0, -2, -3, -0.01]\n[1, 10, 20, 0.1]\n"
"""Of a version without digests; the suite adds the lines of today's."""

EXAMPLE = json.dumps({"id": "1", "question": "Which?", "choices": ["red", "blue"], "answer": 0}).encode() + b"\n"
PREDICTION = (
    json.dumps(
        {"example_id": "1", "text": "red", "rationale": "", "choice": 0, "choice_log_probs": [-1.5, -2.0]}
    ).encode()
    + b"\n"
)
RECORD = (
    json.dumps({"example_id": "1", "rationales": [], "trace": {"critique": "None."}, "agreement": 0.5}).encode() + b"\n"
)
COMPLETION = (
    json.dumps({"text": "a", "finish_reason": "stop", "prompt_tokens": 1, "completion_tokens": 2}).encode() + b"\n"
)
KEY = json.dumps(
    {
        "format": "distillrun study 1", "study": "s1", "constructs": ["quality"], "demographics": ["age"],
        "items": {"i1": {"rater": "r1", "model": "m", "question": "q1", "rationale_length": 4}},
    }
).encode()  # fmt: skip
RATED: dict[str, Any] = {
    "format": "distillrun study 1", "study": "s1", "rater": "r1", "demographics": {"age": "30"},
    "answers": [{"item": "i1", "quality": 4}],
}  # fmt: skip
ANSWERS = json.dumps({**RATED, "checksum": checksum(RATED, Key.model_validate_json(KEY))}).encode()
COLUMNS = Columns("rater", "model", "item", ("quality",), "length", (), "check")
QUESTION_LEAF: dict[str, Any] = yaml.safe_load((conf_folder() / "task" / "multiple_choice.yaml").read_text())
MANIFEST = json.dumps(
    {
        "stage": "train", "version": 1, "fingerprint": "0" * 64, "config": {}, "upstream": {"load/train": "1" * 64},
        "created": "2026-11-30T00:00:00+00:00", "seconds": 1.5, "versions": {"torch": "2"},
        "files": {"a.json": {"sha256": "0" * 64, "bytes": 4}},
    }
).encode()  # fmt: skip

READERS: Mapping[str, Reader] = {
    "server's answers": Reader(json.dumps(written("A library lends novels.")).encode(), _answer),
    "JSONL rows": Reader(ROWS, _rows("rows.jsonl")),
    "JSON rows": Reader(b"[" + ROWS.strip() + b"]", _rows("rows.json")),
    "CSV rows": Reader(CSV, _rows("rows.csv")),
    "TSV rows": Reader(CSV.replace(b",", b"\t"), _rows("rows.tsv")),
    "rows under a key": Reader(b'{"version": 1, "data": [' + ROWS.strip() + b"]}", _rows("rows.json")),
    "UTF-16 rows": Reader(CSV.decode().encode("utf-16"), _rows("rows.csv")),
    "gzip rows": Reader(gzip.compress(ROWS, mtime=0), _rows("rows.jsonl.gz")),
    "Zstandard rows": Reader(pyarrow.compress(ROWS, codec="zstd", asbytes=True), _rows("rows.jsonl.zst")),
    "Excel rows": Reader(_workbook(), _rows("rows.xlsx")),
    "questions": Reader(QUESTIONS, _task),
    "examples": Reader(EXAMPLE, _records(Example, "examples.jsonl")),
    "predictions": Reader(PREDICTION, _records(Prediction, "predictions.jsonl")),
    "teacher's records": Reader(RECORD, _records(TeacherRecord, "records.jsonl")),
    "completions": Reader(COMPLETION, _records(Completion, "completions.jsonl")),
    "journals": Reader(b"", _journal),
    "ledgers": Reader(LEDGER, _ledger),
    "manifests": Reader(MANIFEST, _manifest),
    "keys of studies": Reader(KEY, _study),
    "answers of raters": Reader(ANSWERS, _study_answers),
    "tables of runs": Reader(TABLE, _table),
}
