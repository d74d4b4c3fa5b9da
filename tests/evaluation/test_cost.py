"""What an answer costs, of the student and of its teacher."""

from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from distillrun.language_model.tiny import tiny_tokenizer
from distillrun.records import MetricResult, Prediction
from tests.answered import answered
from tests.leaves import made


def measured(**known: Any) -> MetricResult:
    task = made("task", "everyday")
    examples = task.examples("test")[:6]
    predictions = [Prediction(example.id, "The answer is here", "", None) for example in examples]
    objective = made("objective", "label_only")
    usual = {"task": task, "objective": objective, "examples": examples, "predictions": predictions}
    found: MetricResult = made("evaluation", "cost", questions=3, new_tokens=2).measure(
        answered(**{**usual, **known, "tokens_per_batch": 4096})
    )
    return found


def test_arithmetic_is_twice_the_weights_that_multiply_for_each_token() -> None:
    student = made("student", "tiny_qwen").build(0)
    found = measured(student=lambda: student)
    scores = {score.name: score.value for score in found.scores}
    weights = sum(weight.numel() for weight in student.module.parameters())
    assert scores["cost/parameters"] == weights  # the head is tied, so that the embeddings multiply, too
    tokens = scores["cost/prompt_tokens"] + scores["cost/new_tokens"]
    assert scores["cost/gigaflops"] == pytest.approx(2 * weights * tokens / 1e9)
    (table,) = found.tables
    rows = {str(row[0]): row[1] for row in table.rows}
    assert rows["bytes in memory"] == 4 * weights
    assert table.columns == ("", "value")
    assert {score.n for score in found.scores if score.name == "cost/latency_s"} == {3}


def test_prompts_are_counted_as_the_student_reads_them() -> None:
    student = made("student", "tiny_qwen").build(0)
    task, objective = made("task", "everyday"), made("objective", "label_only")
    texts = [
        "".join(segment.text for segment in objective.query(example, task).answer)
        for example in task.examples("test")[:6]
    ]
    found = {score.name: score.value for score in measured(student=lambda: student).scores}
    counted = fmean(len(tiny_tokenizer()(text)["input_ids"]) for text in texts)
    assert found["cost/prompt_tokens"] == pytest.approx(counted, abs=1.01)  # the separator is the student's, too


def test_a_teacher_on_this_machine_stands_beside_the_student(tmp_path: Path) -> None:
    student = made("student", "tiny_qwen").build(0)
    made("student", "tiny_qwen", layers=4).build(0).save(tmp_path / "teacher")
    teacher = made("teacher", "local", checkpoint=str(tmp_path / "teacher"), device="cpu")
    (table,) = measured(student=lambda: student, logit_teacher=teacher).tables
    assert table.columns == ("", "student", "teacher", "teacher / student")
    rows = {str(row[0]): row[1:] for row in table.rows}
    own, other, ratio = map(float, map(str, rows["parameters"]))
    assert other > own
    assert ratio == pytest.approx(other / own)
    assert rows["prompt tokens per answer"][2] == 1  # one tokenizer
    assert float(str(rows["GFLOP per answer, estimated"][2])) == pytest.approx(ratio)
