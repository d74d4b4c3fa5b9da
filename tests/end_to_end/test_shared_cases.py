"""The files that people brought are read, or answered with what to say."""

from pathlib import Path
from typing import Any

import pytest

from distillrun.records import place
from tests.task.test_multiple_choice import task

LETTERS = {"choices": [*"abcde"]}
OPTIONS = {"choices": ["opa", "opb", "opc", "opd"], "answer": "cop"}

READ: list[tuple[str, dict[str, Any], str]] = [
    ("answers_from_1", {"files": {"train": "train_raw", "test": "test_raw"}, "fields": OPTIONS}, "pond"),
    ("one_based", {"fields": LETTERS}, "kitchen"),
    ("float", {"fields": LETTERS}, "kitchen"),
    ("paren", {"fields": LETTERS}, "kitchen"),
    ("semicolon", {"fields": LETTERS}, "kitchen"),
    ("jdict", {}, "road"),
    ("arc_shards_of_one", {"files": {"dev": "validation"}, "fields": {"answer": "answerKey"}}, "pond"),
    ("parquet_shards", {"files": {"test": "validation"}, "fields": {"answer": "answerKey"}}, "pond"),
    ("no_ids_duplicates", {"fields": {"id": None}}, "pond"),
    ("passage_and_question", {"template": "{article} {question}", "fields": {"choices": "options"}}, "pond"),
    ("train_in_test", {"files": {"dev": "dev"}}, "thing0a"),
    *[
        ("csv_as_saved", {"files": {"train": f"train_{kind}", "test": "test_latin1"}, "encoding": encoding}, "pond")
        for kind, encoding in (("semi", None), ("u16", None), ("pylist", None), ("numpy", None), ("latin1", "cp1252"))
    ],
]  # fmt: skip
ASKED = [
    ("answers_from_1", {"files": {"train": "train_raw_low", "test": "test_raw_low"}, "fields": OPTIONS}, "form=index"),
    ("one14", {"fields": LETTERS}, "task.answer_form=number"),
    ("csv_as_saved", {"files": {"train": "train_latin1", "test": "train_semi"}}, "set task.encoding"),
    ("train_in_test", {"files": {"dev": "dev"}, "on_overlap": "refuse"}, "20 of 20 test questions are also in train"),
]


@pytest.fixture
def cases(shared_data: Path) -> Path:
    folder = shared_data.parent / "cases" / "files"
    if not folder.is_dir():
        pytest.skip("../shared/cases is missing")
    return folder


def named(settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "files": {"train": "train", "test": "test", **settings.get("files", {})}}


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "settings", "answer"), READ)
def test_a_file_is_read(cases: Path, tmp_path: Path, name: str, settings: dict[str, Any], answer: str) -> None:
    folder = cases / name
    if name == "csv_as_saved":  # it has no test: a train file is one, in the same encoding where that matters
        (tmp_path / "test_latin1.csv").write_bytes((folder / "train_semi.csv").read_bytes().replace(b"\ne", b"\nt"))
        (tmp_path / f"{settings['files']['train']}.csv").write_bytes(
            (folder / f"{settings['files']['train']}.csv").read_bytes()
        )
        folder = tmp_path
    made = task(folder, **named(settings))
    assert made.check() == []
    examples = [*made.examples("train"), *made.examples("dev")]
    assert any(example.choices[place(example.answer or 0)] == answer for example in examples)


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "settings", "message"), ASKED)
def test_a_file_is_answered_with_what_to_say(cases: Path, name: str, settings: dict[str, Any], message: str) -> None:
    (problem,) = task(cases / name, **named(settings)).check()
    assert message in problem
