"""Questions that stand more than once are counted, told, and dropped or refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillrun.records import Example, Split
from distillrun.report.page.block import Paragraph
from distillrun.report.run.data import data_sections
from distillrun.task.everyday import Everyday
from distillrun.text.repeats import asked, contradictions, repeats, told, without_repeats
from tests.leaves import made
from tests.task.test_commonsenseqa import task as commonsenseqa
from tests.task.test_multiple_choice import task, write


def one(name: str, question: str = "", choices: tuple[str, ...] = ("x", "y")) -> Example:
    return Example(name, question or f"What is {name}?", choices, 0)


SPLITS: dict[Split, list[Example]] = {
    "train": [one("a"), one("b"), one("a2", "what is  A"), one("c", "What is c?", ("y", "X "))],
    "dev": [one("d"), one("b2", "What is b")],
    "test": [one("c2", "What is c?"), one("e"), one("d2", "What is d?"), one("e2", "What is e?")],
}


@pytest.mark.parametrize(
    ("question", "choices", "same"),
    [
        ("what is  a", ("x", "y"), True),
        ("What is a?", ("Y", " x"), True),
        ("What is b?", ("x", "y"), False),
        ("What is a?", ("x", "z"), False),
        ("What is a?", ("x", "y", "y"), False),
    ],
)
def test_a_question_is_its_text_and_its_choices(question: str, choices: tuple[str, ...], same: bool) -> None:
    assert (asked(one("a")) == asked(one("z", question, choices))) == same


def test_sums_differ_in_their_signs() -> None:
    assert len({asked(one("q", text)) for text in ("2 + 2 = ?", "2 - 2 = ?", "2 * 2 = ?", "?", "!")}) == 5


def test_what_stands_again_is_counted_where_it_does_harm() -> None:
    assert repeats(SPLITS) == {
        "train": {"repeated": 1},
        "dev": {"repeated": 0, "also in train": 1},
        "test": {"repeated": 1, "also in train": 1, "also in dev": 1},
    }
    assert told(SPLITS) == [
        "1 of 4 test questions are also in train",
        "1 of 4 test questions are also in dev",
        "1 of 2 dev questions are also in train",
        "1 of 4 train questions repeat an earlier one of train",
        "1 of 4 test questions repeat an earlier one of test",
        "1 questions repeat an earlier one with another right answer, such as c ('y') and c2 ('x')",
    ]


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_what_is_dropped_leaves_every_question_once(rows: list[str], elsewhere: list[str]) -> None:
    kept = without_repeats([one(name) for name in rows], [one(name) for name in elsewhere])
    assert sorted(example.id for example in kept) == sorted(set(rows) - set(elsewhere))


def leaky(folder: Path) -> Path:
    """Write 20 test questions that are all in train under other ids, and a train question that stands there twice."""
    rows: list[dict[str, Any]] = [
        {"question": f"What is {n}?", "choices": ["x", "y"], "answer": "x"} for n in range(40)
    ]
    return write(folder, [*rows, rows[39]], rows[:20])


def test_a_leak_is_dropped_from_train_or_refused_by_a_setting(tmp_path: Path) -> None:
    folder = leaky(tmp_path)
    assert len(task(folder).examples("train")) + len(task(folder).examples("dev")) == 41
    made = task(folder, on_overlap="drop", dev_share=0.5)
    splits = {split: made.examples(split) for split in ("train", "dev", "test")}
    assert [len(rows) for rows in splits.values()] == [10, 10, 20]
    assert told(splits) == []  # type: ignore[arg-type]
    assert made.source()["dropped"] == {"train": 21}
    (problem,) = task(folder, on_overlap="refuse").check()
    assert "20 of 20 test questions are also in train; 1 of 41 train questions" in problem
    assert f"{folder / 'train.jsonl'}:41, which asks the same as {folder / 'train.jsonl'}:40" in problem
    write(
        tmp_path, [{"question": "?", "choices": ["x", "y"], "answer": "x"}] * 2, [{"choices": ["x", "y"], "answer": 0}]
    )
    assert task(leaky(tmp_path), on_overlap="refuse", files={"test": "train.jsonl"}, fields={"id": None}).check()


def test_a_split_that_only_repeats_another_is_empty(tmp_path: Path) -> None:
    row = {"question": "?", "choices": ["x", "y"], "answer": "x"}
    (problem,) = task(write(tmp_path, [row], [row]), on_overlap="drop").check()
    assert problem == "the train split is empty: task.on_overlap=drop leaves none of 1 questions"


def test_the_page_warns_of_what_may_be_learnt_by_heart() -> None:
    counts: Any = {split: {"questions": len(rows), **repeats(SPLITS)[split]} for split, rows in SPLITS.items()}
    warnings = [
        block.text
        for section in data_sections({"questions": counts})
        for block in section.blocks
        if isinstance(block, Paragraph) and block.state == "bad"
    ]
    assert [text.split(":")[0] for text in warnings] == [
        "1 of 2 dev questions are also in train",
        "1 of 4 test questions are also in train",
        "1 of 4 test questions are also in dev",
    ]


def test_the_benchmark_that_ships_tests_nothing_that_it_teaches() -> None:
    everyday = made("task", "everyday")
    assert isinstance(everyday, Everyday)
    splits: dict[Split, Any] = {split: everyday.examples(split) for split in ("train", "dev", "test")}
    assert told(splits) == []


@pytest.mark.realdata
def test_commonsenseqa_tests_nothing_that_it_teaches(shared_data: Path) -> None:
    own = commonsenseqa(shared_data / "cqa", on_overlap="refuse")
    assert own.check() == []


@pytest.mark.realdata
def test_the_known_overlap_of_banking77_is_found(shared_data: Path) -> None:
    """Six of its test texts also stand in train, as a search for equal lines finds them."""
    import csv

    splits: dict[Split, list[Example]] = {"dev": []}
    for split in ("train", "test"):
        with (shared_data / "banking77" / f"{split}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        splits[split] = [one(str(n), row["text"]) for n, row in enumerate(rows)]
    assert repeats(splits)["test"]["also in train"] >= 6


def test_texts_that_stand_again_with_other_labels_are_told() -> None:
    names = ("x", "y")
    rows = [
        Example("1", "Both", names, None, answers=(0, 1)),
        Example("2", "both!", ("y", "x"), None, answers=(0, 1)),  # the same labels in another order
        Example("3", "Both", names, None, answers=(1,)),
        Example("4", "Both", names, None, answers=()),
        Example("5", "Both", names, None),
    ]
    assert [(before.id, after.id) for before, after in contradictions(rows)] == [("1", "3"), ("1", "4")]
    assert any("such as 1 ('x, y') and 3 ('y')" in line for line in told({"train": rows, "dev": [], "test": []}))
