"""Answers in free form: how rows become questions, and how texts are read and graded."""

import json
from pathlib import Path
from typing import Any

import pytest

from distillrun.config.build import build
from distillrun.errors import ConfigError
from distillrun.records import Example, FreeAnswer, gold, is_right
from distillrun.task.free_form import FreeForm
from tests.end_to_end.runs import composed
from tests.leaves import leaf

ROWS = [{"question": f"What is {n} + {n}?", "answer": f"{n} + {n} = {2 * n}\n#### {2 * n}"} for n in range(1, 31)]


def task(folder: Path, rows: list[dict[str, Any]], scorer: dict[str, Any], **changes: Any) -> FreeForm:
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    node = leaf("task", "free_form", folder=str(folder), scorer=scorer, test_share=0.2)
    node |= {"files": {"train": "train.jsonl", "dev": None, "test": None}, **changes}
    found = build(node, "task")
    assert isinstance(found, FreeForm)
    return found


def numeric(folder: Path, **changes: Any) -> FreeForm:
    fields = {"id": None, "question": "question", "reference": "answer", "rationale": "answer"}
    return task(folder, ROWS, leaf("scorer", "numeric"), reference_marker="####", fields=fields, **changes)


def matching(folder: Path, rows: list[dict[str, Any]], **changes: Any) -> FreeForm:
    return task(folder, rows, leaf("scorer", "normalised_match"), **changes)


def test_a_reference_after_its_marker_is_taught_and_what_stands_before_it_is_why(tmp_path: Path) -> None:
    made = numeric(tmp_path)
    assert made.check() == []
    splits = [made.examples(split) for split in ("train", "dev", "test")]
    assert [len(split) for split in splits] == [21, 3, 6]
    for example in (one for split in splits for one in split):
        n = int(example.question.split()[2])
        assert example.choices == ()
        assert made.answer(example, gold(example)) == str(2 * n)
        assert made.rationale(example) == f"{n} + {n} = {2 * n}"
        assert is_right(example, made.parse(made.answer(example, gold(example)), example))


def test_what_was_written_is_read_after_its_marker_and_graded(tmp_path: Path) -> None:
    made = numeric(tmp_path)
    example = made.examples("test")[0]
    right = gold(example)
    assert isinstance(right, FreeAnswer)
    said = made.parse(f"3 apples. So THE  answer is: ${right.text}.00.", example)
    assert said == FreeAnswer(right.text, right.key, 1.0, True)
    wrong = made.parse("It is 1000003 and no more", example)
    assert wrong is not None
    assert (wrong.text, wrong.score, wrong.right) == ("1000003", 0.0, False)
    assert made.parse("no number", example) is None
    assert not is_right(example, None)
    alone = made.parse("5", Example("x", "?", (), None))
    assert alone == FreeAnswer("5", "5")  # nothing is known to be right


def test_all_accepted_answers_are_right_and_the_first_is_taught(tmp_path: Path) -> None:
    rows = [{"question": f"Capital {n}?", "answer": ["Bern", "Berne"]} for n in range(20)]
    made = matching(tmp_path, rows)
    example = made.examples("test")[0]
    assert made.answer(example, gold(example)) == "Bern"
    for text in ("berne", "The answer is Bern."):
        assert is_right(example, made.parse(text, example))
    assert not is_right(example, made.parse("Basel", example))
    split = matching(tmp_path, [{**row, "answer": "Bern|Berne"} for row in rows], reference_separator="|")
    assert split.examples("test")[0].answer == example.answer


def test_places_stand_for_names(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "answer": n % 2} for n in range(20)]
    made = matching(tmp_path, rows, reference_names=["no", "yes"])
    assert {made.answer(one, gold(one)) for one in made.examples("train")} == {"no", "yes"}
    with pytest.raises(ConfigError, match=r"holds 1, and task.reference_names=\['no'\]"):
        matching(tmp_path, rows, reference_names=["no"]).examples("train")


def test_json_objects_are_references(tmp_path: Path) -> None:
    rows = [{"question": f"Ann is {n}.", "answer": {"name": "Ann", "age": n}} for n in range(20)]
    made = task(tmp_path, rows, leaf("scorer", "json_fields"))
    example = made.examples("test")[0]
    age = int(example.question.split()[2].rstrip("."))
    half = made.parse(f'{{"name": "ann", "age": {age + 1}}}', example)
    assert half is not None
    assert (half.score, half.right) == (0.5, False)
    assert is_right(example, made.parse(f'Here: {{"age": {age}, "name": "Ann"}}', example))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": {"id": None, "question": "question", "reference": "q", "rationale": None}}, "no column 'q'"),
        ({"answer_template": "same"}, "writes no answer"),
        ({"question_template": "same"}, "shows no question"),
        ({"answer_markers": [" "]}, "none of them blank"),
        ({"answer_markers": ["zero"], "answer_template": "{answer}, zero 0"}, "is read as it is written"),
        ({"reference_marker": None}, "cannot be a reference answer: it holds"),
        ({"reference_marker": "=>"}, "holds no answer after '=>'"),
        ({"rationale_without": "(a"}, "no regular expression of RE2"),
        ({"label_source": "gold", "dev_share": 1.5}, "dev_share"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fields = {"id": None, "question": "question", "reference": "answer", "rationale": None}
    with pytest.raises(ConfigError, match=message):
        task(
            tmp_path, ROWS, leaf("scorer", "numeric"), **{"reference_marker": "####", "fields": fields, **changes}
        ).examples("test")


def test_a_new_row_needs_no_answer(tmp_path: Path) -> None:
    assert numeric(tmp_path).unanswered("f:1", {"question": "Why?"}) == Example("f:1", "Why?", (), None)


def test_the_reading_is_that_of_the_scorer(tmp_path: Path) -> None:
    reading = numeric(tmp_path).reading()
    assert reading["scorer"] == {"name": "scorer/Numeric", "tolerance": "0", "relative_tolerance": "0"}


@pytest.mark.parametrize("name", ["svamp", "gsm8k", "esnli", "anli"])
def test_a_preset_composes_with_the_task(name: str) -> None:
    config = composed(f"experiment=text/{name}")
    assert config.task["_target_"] == "task/FreeForm"
    build(config.task, "task")


@pytest.mark.realdata
def test_svamp_and_gsm8k_are_read_as_published(shared_data: Path) -> None:
    for name, files, sizes in (
        ("svamp", ("files.train=SVAMP.json", "files.test=null", "test_share=0.3"), (630, 70, 300)),
        ("gsm8k", ("files.train=train.jsonl", "files.test=test.jsonl"), (6725, 748, 1319)),
    ):
        own = [f"task.{word}" for word in files]
        config = composed(f"experiment=text/{name}", f"task.folder={shared_data / name}", *own)
        made = build(config.task, "task")
        assert tuple(len(made.examples(split)) for split in ("train", "dev", "test")) == sizes
        for example in made.examples("test"):
            assert is_right(example, made.parse(made.answer(example, gold(example)), example))
            assert made.rationale(example)
            assert "<<" not in made.rationale(example)
