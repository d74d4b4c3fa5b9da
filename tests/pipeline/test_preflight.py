"""What would fail later is refused before any work, in words that name the cure."""

import json
from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from tests.end_to_end.runs import experiment


def test_a_question_that_the_student_cannot_read_whole_is_found_before_training(tmp_path: Path) -> None:
    row = {"question": "Which?", "choices": ["red", "blue"], "answer": "red"}
    (tmp_path / "train.jsonl").write_text("".join(json.dumps({**row, "id": n}) + "\n" for n in range(20)))
    ours = ("task=multiple_choice", f"task.folder={tmp_path}", "generation=[]", "objective=label_only")
    limits = ("student.max_source_tokens=64", "student.max_target_tokens=64")
    (tmp_path / "test.jsonl").write_text(json.dumps({**row, "id": "short"}))
    experiment(tmp_path / "store", *ours, *limits)
    (tmp_path / "test.jsonl").write_text(json.dumps({**row, "id": "long", "question": "Which? " * 90}))
    with pytest.raises(ConfigError, match=r"student\.max_source_tokens=64 is too small for the text that begins"):
        experiment(tmp_path / "store", *ours, *limits)
    experiment(tmp_path / "store", *ours, *limits, "until=load")
    experiment(tmp_path / "store", *ours, "student.max_source_tokens=2048")


def test_an_answer_that_the_student_cannot_write_whole_is_found_before_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"student\.max_target_tokens=6 is too small"):
        experiment(tmp_path / "store", "student.max_target_tokens=6")


def test_pads_cannot_be_learnt_beside_a_teachers_distributions(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.learn_padding=true fills up texts"):
        experiment(tmp_path, "objective=forward_kl", "training.learn_padding=true")
