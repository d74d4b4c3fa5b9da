"""A user's own files, in the forms in which choices and answers come."""

import csv
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import Task
from distillrun.records import place
from distillrun.task.multiple_choice import MultipleChoice
from tests import leaves
from tests.task.splits import write_splits

FILES = {"train": "train.jsonl", "dev": None, "test": "test.jsonl"}


def task(folder: Path | None, **changes: Any) -> MultipleChoice:
    fields = {**leaves.leaf("task", "multiple_choice")["fields"], **changes.pop("fields", {})}
    files = {**FILES, **changes.pop("files", {})}
    where = str(folder) if folder is not None else None
    found: MultipleChoice = leaves.made("task", "multiple_choice", folder=where, fields=fields, files=files, **changes)
    return found


def answered(folder: Path, row: dict[str, Any], others: Sequence[Any] = (), **changes: Any) -> int | None:
    """Return the answer that is read from a row, beside rows with other answers to the same choices."""
    write(folder, [{**row, "answer": answer} for answer in (row["answer"], *others)], [row])
    answer = task(folder, dev_share=0.0, **changes).examples("test")[0].answer
    return None if answer is None else place(answer)


def write(folder: Path, train: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]]) -> Path:
    splits = {"train": train, "test": test}
    rows = {
        split: [{"id": f"{split}{n}", "question": f"{split} {n}?", **row} for n, row in enumerate(own)]
        for split, own in splits.items()
    }
    return write_splits(folder, **rows)


@pytest.mark.parametrize(
    ("answer", "choices", "index"),
    [
        ("red", ["blue", "red", "green"], 1),
        ("Red.", ["blue", "red", "green"], 1),
        ("C", ["blue", "red", "green"], 2),
        (True, ["no", "yes"], 1),
        (False, ["Yes", "No"], 1),
        ("true", ["no", "yes"], 1),
        ("3", ["1", "2", "3"], 2),
        ("1999", ["1998", "1999"], 1),
        (0, ["0", "1"], 0),
        ("4", {"label": ["1", "2", "3", "4"], "text": ["a1", "b2", "c3", "d4"]}, 3),
        ("red", '["blue", "red"]', 1),
        ("red", "['blue', 'red']", 1),
        ("B", {"A": "blue", "B": "red"}, 1),
        ("red", {"A": "blue", "B": "red"}, 1),
        ("(B)", ["blue", "red", "green"], 1),
        ("b.", ["blue", "red", "green"], 1),
        ("[C]", ["blue", "red", "green"], 2),
        (3, ["blue", "red", "green"], 2),
        ("3.0", ["blue", "red", "green"], 2),
        ("0.0", ["blue", "red", "green"], 0),
        ("2020", ["2019", "2020"], 1),
    ],
)
def test_an_answer_is_understood_in_its_usual_forms(tmp_path: Path, answer: Any, choices: Any, index: int) -> None:
    assert answered(tmp_path, {"choices": choices, "answer": answer}) == index


@pytest.mark.parametrize(
    ("answer", "choices"),
    [
        (1, ["1", "2"]),
        ("a", ["b", "a"]),
        (1, ["x", "y", "z"]),
        ("2", ["x", "y", "z"]),
        ("1.0", ["x", "y", "z"]),
        (4, ["x", "y", "z"]),
        (-1, ["x", "y", "z"]),
        ("1.5", ["x", "y", "z"]),
        (2.0, ["1", "2", "4"]),
        (True, ["x", "y"]),
        ("", ["x", "y"]),
        (float("nan"), ["x", "y"]),
        (None, ["x", "y"]),
    ],
)
def test_an_answer_of_two_or_no_meanings_is_refused(tmp_path: Path, answer: Any, choices: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"train\.jsonl:1: "):
        answered(tmp_path, {"choices": choices, "answer": answer})


@pytest.mark.parametrize(
    ("others", "index"),
    [([0], 2), ([0, 1], 2), ([3], 1), ([1, 2, 3], 1), (["0"], 2), (["3.0"], 1)],
)
def test_where_numbers_count_from_is_decided_by_all_of_them(tmp_path: Path, others: list[Any], index: int) -> None:
    """0 is the first of all numbers that count from 0, and 3 the last of three that count from 1."""
    assert answered(tmp_path, {"choices": ["blue", "red", "green"], "answer": 2}, others) == index


def test_the_files_are_one_whole_whichever_of_them_tells(tmp_path: Path) -> None:
    row: dict[str, Any] = {"choices": ["x", "y", "z"]}
    write(tmp_path, [{**row, "answer": 1}, {**row, "answer": 2}], [{**row, "answer": 3}])
    assert [one.answer for one in task(tmp_path, dev_share=0.0).examples("train")] == [0, 1]


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([1], "may mean 'green' .task.answer_form=index.* or 'red' .task.answer_form=number"),
        ([0, 3], "'3' is not among .* .task.answer_form=auto; 3 of 4 answers can be read as numbers .* counted from 0"),
        (["blue"], "the answer 'blue' can be read as the texts .* alone, but 2 of 3 .*; write all of them in one form"),
        (["b", "c"], "the answer '2' can be read as numbers .* alone, but 2 of 4 answers can be read as the letters"),
        (["pink"], "the answer 'pink' is not among the choices"),
        (
            ["1)", "2)"],
            "the answer '1\\)' is not among the choices .*write the text, the letter or the number of a choice",
        ),
        (["Option A"], "the answer 'Option A' is not among .*write the text, the letter or the number of a choice"),
    ],
)
def test_answers_that_do_not_tell_or_fit_no_form_are_refused(tmp_path: Path, others: list[Any], message: str) -> None:
    row = {"choices": ["blue", "red", "green"], "answer": "2"}
    with pytest.raises(ConfigError, match=message):
        answered(tmp_path, row, [str(one) for one in others])


def test_numbers_that_are_choices_and_may_count_them_are_asked_about(tmp_path: Path) -> None:
    row = {"choices": ["2", "3", "4"], "answer": "2"}
    with pytest.raises(ConfigError, match=r"may mean '2' \(task\.answer_form=text.* or '4' \(task\.answer_form=index"):
        answered(tmp_path, row, ["2"])
    assert answered(tmp_path, row, ["4"]) == 0, "4 counts nothing here, so all of them are texts"
    assert answered(tmp_path, row, answer_form="index") == 2


def test_rows_that_cannot_be_read_are_listed_with_their_number(tmp_path: Path) -> None:
    row = {"choices": ["red", "blue"], "answer": "red"}
    write(tmp_path, [{**row, "answer": "pink"} if n % 2 else row for n in range(40)], [row])
    (told,) = task(tmp_path).check()
    assert told.startswith("20 rows cannot be read; the first 10:\n")
    assert [re.search(r"jsonl:(\d+): the answer 'pink'", line)[1] for line in told.splitlines()[1:]] == [  # type: ignore[index]
        str(n) for n in range(2, 22, 2)
    ]
    write(tmp_path, [{**row, "question": "" if n < 3 else "Which?"} for n in range(8)], [row])
    (told,) = task(tmp_path).check()
    assert told.startswith("3 rows cannot be read; they are:\n")
    assert told.count("question must hold a text, not ''; fill the cell, or remove the row") == 3


def test_the_reading_is_told_with_an_example(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row: dict[str, Any] = {"choices": ["x", "y", "z"]}
    made = task(write(tmp_path, [{**row, "answer": 2}, {**row, "answer": 3}], [{**row, "answer": 1}]), dev_share=0.0)
    with caplog.at_level(logging.INFO):
        assert made.source()["answers"] == (
            "numbers of choices, counted from 1 (task.answer_form=number), such as 2 for 'y'"
        )
    assert caplog.text.count("answers are read as numbers of choices, counted from 1") == 1


def test_one_file_for_two_splits_is_named_as_that(tmp_path: Path) -> None:
    row = {"choices": ["x", "y"], "answer": "x"}
    (problem,) = task(write(tmp_path, [row], [row]), files={"test": "train.jsonl"}).check()
    assert (
        problem
        == f"{tmp_path / 'train.jsonl'}:1 is used for test and for another split; name a file of its own for each"
    )


def test_columns_that_are_not_read_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = {"choices": ["x", "y"], "answer": "x", "passage": "Once.", "subject": "tales"}
    made = task(write(tmp_path, [row, row], [row]), dev_share=0.0)
    with caplog.at_level(logging.INFO):
        assert made.source()["unused columns"] == "passage, subject"
    assert "columns that are not read: passage, subject" in caplog.text


def test_a_list_that_no_program_prints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"looks like a list of choices, but cannot be read as one .*write it as JSON"
    ):
        answered(tmp_path, {"choices": "['red' 'blue', 'green']", "answer": "red"})


@pytest.mark.parametrize(
    ("cells", "answer", "others", "index"),
    [
        (["red", "blue", "green", ""], "C", [], 2),
        (["red", "", "green", "blue"], "C", ["D"], 1),
        (["red", "", "green", "blue"], 2, [0], 1),
        (["red", "", "green", "blue"], "4", ["1"], 2),
        (["red", None, "green", None], "green", [], 1),
        (["red", "blue", None, None], "2,0", ["1"], 1),
    ],
)
def test_a_blank_cell_is_no_choice_and_keeps_its_letter_and_number(
    tmp_path: Path, cells: list[str | None], answer: Any, others: list[Any], index: int
) -> None:
    row = {**dict(zip("ABCD", cells, strict=True)), "answer": answer}
    fields = {"choices": ["A", "B", "C", "D"]}
    assert answered(tmp_path, row, others, fields=fields) == index


def test_a_passage_and_a_question_are_one_text(tmp_path: Path) -> None:
    row = {"article": "On {choices}.", "choices": ["x", "y"], "answer": "x"}
    made = task(write(tmp_path, [row], [row]), dev_share=0.0, template="{article}\n{question}")
    example = made.examples("test")[0]
    assert made.question(example) == "On {choices}.\ntest 0? (a) x (b) y"
    assert made.source()["unused columns"] == ""


def test_the_right_answer_may_have_a_column_of_its_own(tmp_path: Path) -> None:
    """SciQ: three columns of wrong choices, and one of the right one."""
    rows = [{"wrong": f"x{n}", "right": f"y{n}"} for n in range(40)]
    fields = {"choices": ["wrong", "right"], "answer": "right"}
    made = task(write(tmp_path, rows, rows[:1]), fields=fields, dev_share=0.0, shuffle_choices=True)
    examples = made.examples("train")
    assert {example.choices[place(example.answer or 0)] for example in examples} == {f"y{n}" for n in range(40)}
    assert {example.answer for example in examples} == {0, 1}


def test_an_answer_inside_an_object_is_not_taken_for_missing(tmp_path: Path) -> None:
    """Where training rows need no answer, those that have one keep it."""
    row = {"choices": ["x", "y"], "gold": {"text": "y"}}
    settings: dict[str, Any] = {"fields": {"answer": "gold.text"}, "label_source": "teacher_where_missing"}
    made = task(write(tmp_path, [row, row], [row]), dev_share=0.0, **settings)
    assert [example.answer for example in made.examples("train")] == [1, 1]


def test_columns_may_stand_in_objects(tmp_path: Path) -> None:
    """The first release of ARC and OpenBookQA has them so."""
    row = {
        "question": {"stem": "Why?", "choices": [{"label": "1", "text": "x"}, {"label": "2", "text": "y"}]},
        "answer": "2",
    }
    fields = {"question": "question.stem", "choices": "question.choices"}
    write(tmp_path, [row], [row])
    example = task(tmp_path, fields=fields, dev_share=0.0).examples("test")[0]
    assert (example.question, example.choices, example.answer) == ("Why?", ("x", "y"), 1)
    (problem,) = task(tmp_path, fields={**fields, "question": "question.sten"}, dev_share=0.0).check()
    assert "no column 'question.sten' (did you mean 'stem'?)" in problem
    (problem,) = task(tmp_path, fields={**fields, "question": "id.stem"}, dev_share=0.0).check()
    assert "what is there holds no others" in problem


def test_rows_without_ids_that_ask_the_same_are_kept_apart(tmp_path: Path) -> None:
    row = {"question": "?", "choices": ["x", "y"], "answer": "x"}
    made = task(write(tmp_path, [row, row], [row]), fields={"id": None}, dev_share=0.0)
    ids = [one.id for split in ("train", "test") for one in made.examples(split)]
    assert len(set(ids)) == 3
    assert all(one.startswith(ids[0]) for one in ids)


def test_a_named_answer_form_settles_what_is_ambiguous(tmp_path: Path) -> None:
    row = {"choices": ["1", "2", "3"], "answer": 1}
    forms = {"text": 0, "index": 1, "number": 0}
    assert {form: answered(tmp_path, row, answer_form=form) for form in forms} == forms


def test_choices_may_stand_in_columns_of_a_csv_without_ids(tmp_path: Path) -> None:
    for name, questions in {"train.csv": "abcdefghij", "test.csv": "xy"}.items():
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "A", "B", "C", "key"])
            writer.writerows([f"What, {question}?", "one", "two", "three", "B"] for question in questions)
    made = task(
        tmp_path,
        files={"train": "train.csv", "test": "test.csv"},
        fields={"id": None, "question": "text", "choices": ["A", "B", "C"], "answer": "key"},
    )
    assert isinstance(made, Task)
    assert made.check() == []
    assert [len(made.examples(split)) for split in ("train", "dev", "test")] == [9, 1, 2]
    example = made.examples("test")[0]
    assert made.question(example) == "What, x? (a) one (b) two (c) three"
    assert example.answer == 1
    assert len(example.id) == 16


def test_a_dev_file_leaves_train_whole(tmp_path: Path) -> None:
    row = {"question": "?", "choices": ["x", "y"], "answer": "x"}
    write_splits(tmp_path, **{split: [{**row, "id": n}] for n, split in enumerate(("train", "dev", "test"))})
    made = task(tmp_path, files={"dev": "dev.jsonl"})
    assert [made.examples(split)[0].id for split in ("train", "dev", "test")] == ["0", "1", "2"]


def test_wrong_settings_are_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    assert "task.folder is not set" in task(None).check()[0]
    assert "task.folder=" in task(tmp_path / "none").check()[0]
    assert "task.files.test=tset.jsonl: " in task(tmp_path, files={"test": "tset.jsonl"}).check()[0]
    (problem,) = task(tmp_path, files={"train": "tran.jsonl"}).check()
    assert problem.startswith(
        f"task.files.train=tran.jsonl: {tmp_path} holds no tran.jsonl (did you mean 'train.jsonl'"
    )
    assert "task.files.train is not set" in task(tmp_path, files={"train": None}).check()[0]
    with pytest.raises(ConfigError, match=r"task\.fields\.chioces is not a setting \(did you mean 'choices'"):
        task(tmp_path, fields={"chioces": "x"})
    with pytest.raises(ConfigError, match=r"task\.files\.validation is not a setting"):
        task(tmp_path, files={"validation": "x"})
    with pytest.raises(ConfigError, match=r"set one of task\.fields\.choices"):
        task(tmp_path, choices=["yes", "no"])
    with pytest.raises(ConfigError, match=r"task\.fields\.question=None must name one column"):
        task(tmp_path, fields={"question": None})


@pytest.mark.realdata
def test_strategyqa_is_read_from_its_shards(shared_data: Path) -> None:
    made = task(
        shared_data / "llama2-13b-outputs",
        files={"train": "strategyqa-train", "test": "strategyqa-test"},
        fields={"id": "qid", "choices": None},
        choices=["yes", "no"],
    )
    train, dev, test = (made.examples(split) for split in ("train", "dev", "test"))
    assert (len(train), len(dev), len(test)) == (1442, 161, 687)
    assert sum(example.answer == 0 for example in [*train, *dev]) == 738
    assert sum(example.answer == 0 for example in test) == 333


def test_a_split_that_is_left_without_questions_says_why(tmp_path: Path) -> None:
    row = {"choices": ["red", "blue"], "answer": "red"}
    write(tmp_path, [row], [row])
    assert task(tmp_path).check() == ["the train split is empty: task.dev_share=0.1 takes all 1 questions of it"]
    (tmp_path / "train.jsonl").write_text("", encoding="utf-8")
    assert task(tmp_path).check() == ["the train split is empty: its file holds no rows"]


ROW = {"choices": ["red", "blue", "green"]}


def unlabelled(folder: Path, answers: Sequence[Any], **changes: Any) -> MultipleChoice:
    """Return a task whose training rows have these answers, or no column for them where there are none."""
    rows = [ROW if answer is None else {**ROW, "answer": answer} for answer in answers]
    write(folder, rows, [{**ROW, "answer": answer} for answer in ("B", "C", "A", "A")])
    return task(folder, **{"label_source": "teacher", "dev_from": "test", "dev_share": 0.5, **changes})


def test_training_rows_need_no_answers_where_the_teacher_gives_them(tmp_path: Path) -> None:
    made = unlabelled(tmp_path, [None] * 5)
    assert made.check() == []
    assert [example.answer for example in made.examples("train")] == [None] * 5
    scored = [*made.examples("dev"), *made.examples("test")]
    assert len(made.examples("dev")) == 2
    assert sorted((one.id, one.answer) for one in scored) == [("test0", 1), ("test1", 2), ("test2", 0), ("test3", 0)]


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_answers_that_are_there_are_read_beside_blank_ones(blank: Any, tmp_path: Path) -> None:
    rows = [{**ROW, "answer": blank}, {**ROW, "answer": "C"}, {**ROW, "answer": blank}]
    write(tmp_path, rows, [{**ROW, "answer": "B"}] * 2)
    made = task(tmp_path, label_source="teacher_where_missing", dev_from="test", dev_share=0.5)
    assert [example.answer for example in made.examples("train")] == [None, 2, None]


def test_a_dev_split_of_train_is_taken_from_rows_with_answers(tmp_path: Path) -> None:
    made = unlabelled(tmp_path, [None, "A", None, "B", None, "C", "A"], dev_from="train")
    dev, train = made.examples("dev"), made.examples("train")
    assert len(dev) == 2, "half of the four that have answers"
    assert all(example.answer is not None for example in dev)
    assert len(train) == 5


@pytest.mark.parametrize(
    ("changes", "answers", "message"),
    [
        ({"dev_from": "train"}, [None] * 4, r"no row of it has an answer.*task\.files\.dev=FILE.*task\.dev_from=test"),
        ({"label_source": "gold"}, ["A", None], "no column 'answer'.*task.label_source=teacher"),
        (
            {"label_source": "gold"},
            ["A", ""],
            r"train\.jsonl:2: the row has no answer; .*task\.label_source=teacher_where",
        ),
        ({"label_source": "teacher"}, ["A", "Q"], "the answer 'Q' is not among the choices"),
    ],
)
def test_a_missing_answer_is_refused_where_it_is_needed(
    changes: dict[str, Any], answers: list[Any], message: str, tmp_path: Path
) -> None:
    (problem,) = unlabelled(tmp_path, answers, **changes).check()
    assert re.search(message, problem), problem


def test_a_test_row_without_an_answer_is_refused_whoever_labels(tmp_path: Path) -> None:
    write(tmp_path, [{**ROW, "answer": "A"}], [{**ROW, "answer": "A"}, {**ROW, "answer": ""}, {**ROW, "answer": ""}])
    (problem,) = task(tmp_path, label_source="teacher", dev_share=0.0).check()
    assert "test.jsonl:2: the row has no answer (2 of 3 rows of test have none); add it, or remove the row" in problem
    assert "label_source" not in problem
