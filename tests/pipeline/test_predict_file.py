"""A student's answers to a file: what is written, what is guarded, and that it goes on where it ended."""

import csv
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from distillrun.cli import main
from distillrun.config.schema import Progress
from distillrun.errors import ConfigError
from distillrun.pipeline import predict_file as module
from distillrun.pipeline.predict import TrainedStudent, load_student
from distillrun.pipeline.predict_file import predict_file
from distillrun.records import Example
from tests.end_to_end.runs import run_scored, run_small
from tests.end_to_end.test_classification import WORDS, words_of, write_texts
from tests.leaves import made

ASKED = [
    {"ticket": "1", "text": "somebody says gone"},
    {"ticket": "=2+3", "text": 'customer "9",\nof test says come'},
    {"ticket": "", "text": "what price"},
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predict")
    texts = write_texts(folder / "texts")
    tiny = ("student=tiny_text_classifier", "student.width=16", "student.feed_forward_width=16")
    fast = ("training.max_steps=60", "training.examples_per_step=12", "training.learning_rate=0.01")
    calibrated = ("evaluation=[choice_likelihood,calibration]", "evaluation.calibration.temperature=fitted")
    run_scored(folder / "run", *words_of(texts, *tiny, *fast, *calibrated), store=folder / "store")
    return folder / "run"


@pytest.fixture(scope="module")
def student(run: Path) -> TrainedStudent:
    return load_student(run)


def write(file: Path, rows: Sequence[dict[str, str]] = ASKED) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_are_kept_and_answered_and_no_cell_is_a_formula(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert main(["predict", str(run), "--file", str(write(tmp_path / "in.csv")), "--out", str(out)]) == 0
    rows = read(out)
    assert [row["ticket"] for row in rows] == ["1", "'=2+3", ""]
    assert [row["text"] for row in rows] == [row["text"] for row in ASKED]
    assert [row["prediction"] for row in rows] == ["lost", "arrival", "rate"]
    assert {row["run"] for row in rows} == {"run"}
    assert all(1 / 3 < float(row["confidence"]) <= 1 for row in rows)


def test_a_confidence_is_taken_at_the_temperature_that_the_run_fitted(run: Path, student: TrainedStudent) -> None:
    fitted = json.loads((run / "result.json").read_text())["scores"]["test/temperature"]["value"]
    assert student.temperature == pytest.approx(fitted)
    asked = [Example("1", "what price", tuple(WORDS), None)]
    ((choice, sure),) = student.answers(asked)
    hot = TrainedStudent(student.model, student.task, student.objective, student.writes, 1000, temperature=1e6)
    ((same, even),) = hot.answers(asked)
    assert same == choice
    assert even == pytest.approx(1 / 3, abs=1e-3)
    assert sure is not None
    assert sure > 1 / 3


def test_what_is_written_is_not_answered_again(
    student: TrainedStudent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    file, out = write(tmp_path / "in.csv"), tmp_path / "out.csv"
    assert predict_file(student, "run", file, out, Progress.never) == (3, 0)
    whole = out.read_bytes()
    assert predict_file(student, "run", file, out, Progress.never) == (0, 3)
    ends = range(whole.index(b"\n") + 1, len(whole))
    for end in (end for end in ends if end % 7 == 0 or whole[end - 1] in b'\n"'):  # wherever a kill left it
        out.write_bytes(whole[:end])
        asked, there = predict_file(student, "run", file, out, Progress.never)
        assert asked + there == 3
        assert out.read_bytes() == whole


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n", "holds other columns"),
        ("ticket,text,prediction,confidence,run\n9,other,lost,0.9,run\n", "row 1 is of another file or another run"),
        ("ticket,text,prediction,confidence,run\n1,somebody says gone,lost,0.9,elsewhere\n", "row 1 is of another"),
    ],
)
def test_an_output_of_something_else_is_not_touched(
    student: TrainedStudent, tmp_path: Path, content: str, message: str
) -> None:
    out = tmp_path / "out.csv"
    out.write_text(content)
    with pytest.raises(ConfigError, match=message):
        predict_file(student, "run", write(tmp_path / "in.csv"), out, Progress.never)
    assert out.read_text() == content


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"body": "a"}], "no column 'text'"),
        ([{"text": ""}], "text must hold a text"),
        ([{"text": "a", "prediction": "b"}], "has a column 'prediction'"),
    ],
)
def test_a_bad_file_is_named_before_anything_is_written(
    student: TrainedStudent, tmp_path: Path, rows: list[dict[str, str]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        predict_file(student, "run", write(tmp_path / "in.csv", rows), tmp_path / "out.csv", Progress.never)
    assert not (tmp_path / "out.csv").exists()


def test_labels_need_not_be_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(run), "what price"]) == 0
    assert capsys.readouterr().out.startswith("answer: rate\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give a question, or --file IN --out OUT.csv"),
        (["Why?", "--file", "in.csv", "--out", "out.csv"], "give a question, or --file"),
        (["--file", "in.csv"], "give a question, or --file"),
        (["Why?", "--choices", "a", "b"], "this student answers with one of its 3 labels; leave out --choices"),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    run: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(run), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_row_of_multiple_choice_brings_its_own_choices(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [
        {"id": str(n), "question": f"{n} says come", "choices": ["yes", "no"], "answer": ["yes", "no"][n % 2]}
        for n in range(12)
    ]
    for split in ("train", "test"):
        lines = [
            json.dumps({**row, "id": f"{split}{row['id']}", "question": f"{split} {row['question']}"}) for row in rows
        ]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    words = ("task=multiple_choice", f"task.folder={tmp_path}", "task.dev_share=0.2", "objective=label_only")
    tiny = (*words, "student.layers=1", "student.width=32")
    run_small(tmp_path / "run", *tiny, store=tmp_path / "store")
    run_scored(tmp_path / "scored", *tiny, store=tmp_path / "store")
    asked = [
        {"question": "is it so?", "choices": ["yes", "no", "perhaps"]},
        {"question": "and so?", "choices": ["a", "b"]},
    ]
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    assert predict_file(load_student(tmp_path / "run"), "run", file, tmp_path / "out.csv", Progress.never) == (2, 0)
    first, second = read(tmp_path / "out.csv")
    assert json.loads(first["choices"]) == ["yes", "no", "perhaps"]
    assert first["prediction"] in ("", "yes", "no", "perhaps")
    assert second["prediction"] in ("", "a", "b")
    assert (first["confidence"] == "") == (first["prediction"] == "")
    unparsed = sum(row["prediction"] == "" for row in (first, second))
    assert unparsed, "a student of a few steps writes no choice"
    assert f"{unparsed} of 2 rows have no prediction" in caplog.text
    assert predict_file(load_student(tmp_path / "scored"), "scored", file, tmp_path / "likely.csv", Progress.never)
    for row, likely in zip(asked, read(tmp_path / "likely.csv"), strict=True):
        assert likely["prediction"] in row["choices"], "a run that scored choices alone answers with the likeliest"
        assert float(likely["confidence"]) >= 1 / len(row["choices"])


def test_a_file_is_read_in_the_task_s_encoding(
    student: TrainedStudent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(student.task, "encoding", "cp1252")
    (tmp_path / "in.csv").write_bytes("text\nwhat price für Müller\n".encode("cp1252"))
    assert predict_file(student, "run", tmp_path / "in.csv", tmp_path / "out.csv", Progress.never) == (1, 0)
    assert read(tmp_path / "out.csv")[0]["text"] == "what price für Müller"


def test_rows_that_are_longer_than_the_student_reads_are_counted_or_named(
    student: TrainedStudent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [*ASKED, {"ticket": "3", "text": "what price " * 200}]
    file = write(tmp_path / "in.csv", rows)
    with caplog.at_level(logging.WARNING):
        assert predict_file(student, "run", file, tmp_path / "out.csv", Progress.never) == (4, 0)
    assert "1 of 4 rows are longer than student.max_tokens=128 tokens, the longest has" in caplog.text
    strict = replace(student, long_texts=made("student", "tiny_text_classifier", truncate="refuse").long_texts)
    with pytest.raises(
        ConfigError, match=r"in\.csv:\d+: \d+ tokens, and this student reads student\.max_tokens=128; shorten"
    ):
        predict_file(strict, "run", file, tmp_path / "other.csv", Progress.never)
    assert not (tmp_path / "other.csv").exists()
