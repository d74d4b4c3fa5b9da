"""What is written is read back, byte for byte the same each time, and nothing else is read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.errors import ConfigError
from distillrun.jsonl import append_record, read_records, write_records
from distillrun.records import Example, Message, Prediction, Prompt, Rationale, Request, Score, TeacherRecord

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
        (GOOD.replace('"answer": 0, ', ""), "Example lacks the field 'answer'"),
        (GOOD.replace("0", '"0"'), r"Example.answer: .*integer, not \"0\""),
        (GOOD.replace("0", "true"), "Example.answer"),
        (GOOD.replace('"b"', "2"), r"Example.choices.1: .*string, not 2"),
        (GOOD[:-1], "no Example: Invalid JSON"),
        ("[1]", "no Example"),
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
