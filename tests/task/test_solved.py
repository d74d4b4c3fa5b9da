"""The rows that a task lets prompts show: training rows with their rationales, or those of a file."""

from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.task.multiple_choice import MultipleChoice
from tests.leaves import made
from tests.task.splits import write_splits

ROWS = [{"question": f"What is {n}?", "a": "x", "b": f"{n}!", "answer": "B", "why": f"it is {n}"} for n in range(10)]


def task(folder: Path, **changes: Any) -> MultipleChoice:
    rows = [{**row, "why": "" if n == 3 else row["why"]} for n, row in enumerate(ROWS)]
    write_splits(folder, train=rows, test=[{**row, "question": f"Test {row['question']}"} for row in ROWS[:3]])
    fields: dict[str, Any] = {"id": None, "question": "question", "choices": ["a", "b"], "answer": "answer"}
    fields["rationale"] = changes.pop("rationale", None)
    found: MultipleChoice = made("task", "multiple_choice", folder=str(folder), fields=fields, **changes)
    return found


def test_rationales_come_with_the_rows_that_they_are_of(tmp_path: Path) -> None:
    found = task(tmp_path, rationale="why", dev_share=0.3)
    assert found.check() == []
    rows = found.solved() or ()
    assert {one.example.id for one in rows} == {one.id for one in found.examples("train")}
    for one in rows:
        number = one.example.question.removeprefix("What is ").removesuffix("?")
        assert one.rationale == ("" if number == "3" else f"it is {number}")
    assert task(tmp_path).solved() is None
    assert task(tmp_path, rationale="why", label_source="teacher").solved() is None


def test_a_file_of_rows_is_read_as_the_training_rows_are(tmp_path: Path) -> None:
    write_splits(tmp_path, shown=[{"question": "Why?", "a": "one", "b": "two", "answer": "A", "why": "so"}])
    (one,) = task(tmp_path, rationale="why", demonstrations="shown").solved() or ()
    assert (one.example.question, one.example.answer, one.rationale) == ("Why?", 0, "so")
    (one,) = task(tmp_path, demonstrations="shown", label_source="teacher").solved() or ()
    assert one.rationale == ""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rationale": "reason"}, r"no column 'reason'.*see task\.fields\.rationale"),
        ({"demonstrations": "nowhere"}, r"task\.demonstrations=nowhere"),
    ],
)
def test_what_is_not_there_is_named_before_a_run(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    (problem,) = task(tmp_path, **changes).check()
    with pytest.raises(ConfigError, match=told):
        raise ConfigError(problem)
