"""Answers that a model gave elsewhere, replayed as those of a teacher."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.planning.making import make_plan
from distillrun.records import Draw, Example, Message, Prompt, Request, Sampling
from distillrun.teacher.replayed import Replayed
from tests.drawing import Account
from tests.end_to_end.runs import experiment, run_scored, run_small, scored

COLUMNS = {"id": None, "question": "question", "answer": "said.text"}
SAMPLING = Sampling(4, 0.7, 1.0, 2, ("because",))


def table(folder: Path, rows: list[tuple[str, str | None]]) -> str:
    lines = [json.dumps({"question": question, "said": {"text": text}}) + "\n" for question, text in rows]
    (folder / "said.jsonl").write_text("".join(lines), encoding="utf-8")
    return str(folder / "said.jsonl")


def draw(question: str, sample: int = 0, **changes: Any) -> Draw:
    request = Request("answer", Example("1", question, (), None), **changes)
    return Draw(Prompt((Message("user", question),), request), sample, 0)


def test_rows_of_one_question_are_its_samples_and_texts_are_used_whole(tmp_path: Path) -> None:
    rows = [("What is 2 + 2?", "4 because of two twos"), ("what is  2 + 2?", "five"), ("Why?", None)]
    teacher = Replayed(table(tmp_path, rows), COLUMNS, "gpt")
    account = Account()
    asked = [draw("What is 2 + 2?", n) for n in range(3)] + [draw("Why?"), draw("Who?")]
    found = [made for _, made in teacher.complete(asked, SAMPLING, account)]
    assert [made.text for made in found] == ["4 because of two twos", "five", "", "", ""]
    assert "2 answers to it, and sample 3" in found[2].reason
    assert [made.reason for made in found[3:]] == ["no answer to it in teacher.file"] * 2
    assert {made.teacher for made in found} == {"gpt"}
    (hinted,) = teacher.complete([draw("What is 2 + 2?", choice=0)], SAMPLING, account)
    assert not hinted[1].text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": None, "question": None, "answer": "said"}, "one of teacher.fields.id and teacher.fields.question"),
        ({"question": "question"}, "must name id, question and answer"),
    ],
)
def test_fields_that_find_nothing_are_refused(fields: dict[str, str | None], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Replayed("said.jsonl", fields, "gpt")


def test_a_file_of_another_task_or_without_a_column_is_refused_before_any_work(tmp_path: Path) -> None:
    words = ("teacher=replayed", f"teacher.file={table(tmp_path, [('Why?', 'So.')])}", "generation=chain_of_thought")
    with pytest.raises(ConfigError, match=r"no column 'answer'.*see teacher\.fields\.answer; it has: question, said"):
        experiment(tmp_path / "store", *words)
    with pytest.raises(ConfigError, match="answers no question of this task, by their question: the file's first is"):
        experiment(tmp_path / "store", *words, "teacher.fields.answer=said.text")
    with pytest.raises(ConfigError, match=r"teacher\.file is not set"):
        experiment(tmp_path / "store", "teacher=replayed", "generation=chain_of_thought")


def test_labels_of_a_file_teach_a_student_and_are_held_against_known_ones(tmp_path: Path) -> None:
    texts = [{"text": f"case {n}: {'it is broken' if n % 2 else 'where is my bill'}"} for n in range(40)]
    labels = [{**row, "label": ("fault", "money")[n % 2 == 0]} for n, row in enumerate(texts)]
    said = [{**row, "label": "money" if n == 1 else row["label"]} for n, row in enumerate(labels)]
    for name, rows in (("train", texts), ("test", labels[:20]), ("dev", labels[20:]), ("said", said)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "labels.csv").write_text("name\nfault\nmoney\n", encoding="utf-8")
    words = (
        *(
            "task=classification",
            f"task.labels={tmp_path}/labels.csv",
            f"task.folder={tmp_path}",
            "task.files.dev=dev",
            "task.label_source=teacher",
        ),
        *("teacher=replayed", f"teacher.file={tmp_path}/said.jsonl", "generation=label", "objective=label_only"),
        *("teacher.fields.question=text", "teacher.fields.answer=label", "student=tiny_text_classifier"),
        *("evaluation.baselines=true", "task.on_overlap=report", "task.limit=null"),
    )
    planned = make_plan(scored(tmp_path / "store", *words))
    assert next(one for one in planned.stages if one.name == "generate/label").forecast is not None
    result: Any = run_scored(tmp_path / "run", *words, store=tmp_path / "store")
    assert result["baselines"]["teacher"]["test/accuracy"]["value"] == pytest.approx(0.95)
    assert result["teacher"]["usd"] == 0


@pytest.mark.realdata
def test_solutions_of_real_models_are_the_teachers_row_of_gsm8k(shared_data: Path, tmp_path: Path) -> None:
    """The rate of right answers is that of the flags that the authors recorded beside the solutions."""
    folder = shared_data / "gsm8k"
    solutions = folder / "example_model_solutions.jsonl"
    recorded = [json.loads(line) for line in solutions.read_text(encoding="utf-8").splitlines()]
    words = (
        *(
            "experiment=text/gsm8k",
            f"task.folder={folder}",
            "task.files.train=train.jsonl",
            "task.files.test=test.jsonl",
        ),
        *("teacher=replayed", f"teacher.file={solutions}", "teacher.fields.answer=175b_verification.solution"),
        *("evaluation.baselines=true", "student=tiny_t5", "training.max_steps=1", "task.limit=40"),
    )
    result: Any = run_small(tmp_path / "run", *words)
    score = result["baselines"]["teacher"]["test/accuracy"]
    right = sum(row["175b_verification"]["is_correct"] for row in recorded[:40])
    assert score["n"] == 40
    assert score["value"] == pytest.approx(right / 40)
