"""What is written is read back, byte for byte the same each time, and nothing else is read."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.files.jsonl import append_record, read_records, write_records
from distillrun.records import (
    Completion,
    Example,
    Message,
    MetricResult,
    Prediction,
    Prompt,
    Rationale,
    Record,
    Request,
    ResultTable,
    Score,
    TeacherRecord,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
EXAMPLES = st.builds(
    Example,
    id=TEXT,
    question=TEXT,
    choices=st.lists(TEXT, max_size=5).map(tuple),
    answer=st.none() | st.integers(0, 4),
    group=st.none() | TEXT,
)
GOOD = '{"id": "1", "question": "?", "choices": ["a", "b"], "answer": 0, "group": null}'


def test_nested_records_come_back_as_they_were(tmp_path: Path) -> None:
    example = Example("1", "Wo?\u2028Da.", ("Zürich", "東京"), 1)
    rationale = Rationale("text", "raw\nraw", 1, "factual", "initial")
    stored: dict[str, list[object]] = {
        "prompt": [Prompt((Message("user", "hi"),), Request("rationale", example, 1))],
        "record": [TeacherRecord("1", (rationale,), {"b": "2", "a": "1"}), TeacherRecord("2", (), {})],
        "prediction": [Prediction("1", "", "", None), Prediction("2", "a", "", 0, (-1.5, -2.0), (3, 4))],
        "score": [Score("accuracy", 1.0, 3, 0.5, 1.0)],
    }
    for name, records in stored.items():
        path = tmp_path / f"{name}.jsonl"
        write_records(path, records)  # type: ignore[arg-type]
        assert read_records(path, type(records[0])) == records  # type: ignore[type-var]


@given(st.lists(EXAMPLES, max_size=4))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, examples: list[Example]) -> None:
    path = tmp_path_factory.mktemp("text") / "examples.jsonl"
    write_records(path, examples)
    assert read_records(path, Example) == examples
    assert path.read_bytes().count(b"\n") == len(examples)


def test_the_bytes_do_not_depend_on_the_order_in_which_a_mapping_grew(tmp_path: Path) -> None:
    for name, trace in {"x": {"a": "1", "b": "2"}, "y": {"b": "2", "a": "1"}}.items():
        write_records(tmp_path / name, [TeacherRecord("ü", (), trace)])
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    assert "ü" in (tmp_path / "x").read_text(encoding="utf-8")


RECORDS: list[Record] = [
    TeacherRecord("1", (Rationale("t", "r", 0, "factual", "initial", log_prob=-1.5),), {}, 0, 0.5, (-1.0, -2.0)),
    Score("accuracy", 1.0, 3, 0.5, 1.0),
    Prediction("2", "a", "", 0, (-1.5, -2.0), (3, 4), (-1.0, -1.0)),
    MetricResult((), (ResultTable("t", ("a",), ((1.5,),)),), rows=({"a": [1.5, {"b": 2.5}]},)),
    Completion("a", "stop", 1, 1, 0, -1.5),
]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_what_could_not_be_written_again_is_not_read(tmp_path: Path, record: Record, number: str) -> None:
    path = tmp_path / "records.jsonl"
    write_records(path, [record])
    line = path.read_text(encoding="utf-8")
    places = [match.span() for match in re.finditer(r"-?\d+\.\d+", line)]
    assert places
    for start, end in places:
        path.write_text(line + line[:start] + number + line[end:], encoding="utf-8")
        with pytest.raises(ConfigError, match=r"records\.jsonl:2: "):
            read_records(path, type(record))


def test_a_text_may_speak_of_odd_numbers(tmp_path: Path) -> None:
    record = Completion("NaN, Infinity and 1e999", "stop", 1, 1)
    write_records(tmp_path / "a.jsonl", [record])
    assert read_records(tmp_path / "a.jsonl", Completion) == [record]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    write_records(path, [Score("accuracy", 1.0, 3, 0.5, 1.0)])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="Score cannot be stored"):
        write_records(path, [Score("a", 1.0, 3, 0.5, 1.0), Score("b", float("nan"), 0, 0.0, 0.0)])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (GOOD.replace('"group"', '"groop"'), "Example has no field 'groop' .did you mean 'group'"),
        (GOOD.replace('"answer": 0, ', ""), "Example is missing the field 'answer'"),
        (GOOD.replace("0", '"0"'), r"Example.answer.int: .*integer, not \"0\""),
        (GOOD.replace("0", "true"), "Example.answer"),
        (GOOD.replace('"b"', "2"), r"Example.choices.1: .*string, not 2"),
        (GOOD[:-1], "not a valid Example: Invalid JSON"),
        ("[1]", "not a valid Example"),
    ],
)
def test_a_wrong_line_is_named_by_file_line_and_field(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text(f"{GOOD}\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"examples.jsonl:2: {message}"):
        read_records(path, Example)


def test_a_journal_loses_only_its_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    scores = [Score("a" * 70000, float(n), n, 0.0, 9.0) for n in range(4)]
    for score in scores[:3]:
        append_record(path, score)
    path.write_bytes(path.read_bytes()[:-5])
    append_record(path, scores[3])
    assert read_records(path, Score) == [*scores[:2], scores[3]]
    path.write_bytes(b'{"name"')
    append_record(path, scores[0])
    assert read_records(path, Score) == scores[:1]
