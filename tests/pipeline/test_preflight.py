"""What would fail later is refused before any work, in words that name the cure."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import PromptingScorer
from distillrun.language_model.transformer import TransformerModel
from distillrun.planning.making import make_plan
from distillrun.planning.text import plan_text
from tests.end_to_end.runs import experiment, run_small


def test_a_question_that_the_student_cannot_read_whole_is_found_before_training(tmp_path: Path) -> None:
    row = {"question": "Which?", "choices": ["red", "blue"], "answer": "red"}
    (tmp_path / "train.jsonl").write_text("".join(json.dumps({**row, "id": n}) + "\n" for n in range(20)))
    ours = ("task=multiple_choice", f"task.folder={tmp_path}", "generation=[]", "objective=label_only")
    limits = ("student.max_source_tokens=64", "student.max_target_tokens=64")
    (tmp_path / "test.jsonl").write_text(json.dumps({**row, "id": "short"}))
    experiment(tmp_path / "store", *ours, *limits)
    (tmp_path / "test.jsonl").write_text(json.dumps({**row, "id": "long", "question": "Which? " * 90}))
    refused = (
        r"1 of 1 test rows are too long; the longest is .*test\.jsonl:1: student\.max_source_tokens=64 is too small"
    )
    with pytest.raises(ConfigError, match=refused):
        experiment(tmp_path / "store", *ours, *limits)
    cut = experiment(tmp_path / "store", *ours, *limits, "student.truncate=head").cut
    assert {split: (own.count, own.of) for split, own in cut.items()} == {"test": (1, 1)}
    assert cut["test"].longest > 90
    assert "(student.truncate=head)" in cut["test"].told("test")
    experiment(tmp_path / "store", *ours, *limits, "until=load")
    experiment(tmp_path / "store", *ours, "student.max_source_tokens=2048")


def test_the_prompt_of_a_rule_is_counted_and_only_its_question_is_cut(tmp_path: Path) -> None:
    """The student's own prompt fits, and that of the letters, which lists them and asks for an answer, does not."""
    row = {"question": "Which of them? " * 6, "choices": ["red", "blue"], "answer": "red"}
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text(
            "".join(json.dumps({**row, "id": f"{split}{n}"}) + "\n" for n in range(9))
        )
    ours = (
        *("task=multiple_choice", f"task.folder={tmp_path}", "generation=[]", "objective=label_only"),
        *(
            "objective.source='{question}'",
            "student.max_source_tokens=45",
            "evaluation=[generated_answer,letter_likelihood]",
        ),
    )
    experiment(tmp_path / "store", *ours, "until=train")
    with pytest.raises(ConfigError, match=r"9 of 9 test rows are too long.*max_source_tokens=45 is too small"):
        experiment(tmp_path / "store", *ours)
    prepared = experiment(tmp_path / "store", *ours, "student.truncate=tail")
    assert (prepared.cut["test"].count, prepared.cut["test"].of) == (9, 9)
    rule, model = prepared.parts.evaluators["letter_likelihood"], prepared.parts.student.build(0)
    assert isinstance(rule, PromptingScorer)
    assert isinstance(model, TransformerModel)
    pair = rule.asked(prepared.parts.task.examples("test")[0])
    read = model.text.decode(model.text.source(pair.source))
    assert read.count("Which of them?") < 6
    assert "B. blue" in read
    assert read.rstrip().endswith("Answer:")


def test_an_answer_that_the_student_cannot_write_whole_is_found_before_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"student\.max_target_tokens=6 is too small"):
        experiment(tmp_path / "store", "student.max_target_tokens=6")


def test_pads_cannot_be_learnt_beside_a_teachers_distributions(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.learn_padding=true fills up texts"):
        experiment(tmp_path, "objective=forward_kl", "training.learn_padding=true")


def test_what_is_cut_stands_in_the_plan_and_in_the_result(tmp_path: Path) -> None:
    """Everyday questions fit into 64 tokens, their answers into 16; rationales are longer, and their ends are cut."""
    store, limits = tmp_path / "store", ("student.max_target_tokens=16", "until=train", "task.limit=8")
    result: Any = run_small(tmp_path / "run", *limits, store=store)
    told = result["data"]["cut texts"]["train targets"]
    assert 0 < told["count"] <= told["of"] == 16
    assert told["longest"] > 16
    made = make_plan(experiment(store, *limits))
    assert f"{told['count']} of 16 texts of train targets are longer than student.max_target_tokens=16" in plan_text(
        made
    )
    assert made.as_json()["cut"] == {"train targets": told}
