"""Equal and nearly equal questions of two splits are counted, dropped or refused, and scores told without them."""

import logging
from pathlib import Path
from typing import Any

import pytest

from distillrun.config.build import build
from distillrun.errors import ConfigError
from distillrun.evaluation.shared.share import share, untouched
from distillrun.records import Example, Split
from distillrun.report.page.block import Paragraph
from distillrun.report.run.data import data_sections
from distillrun.text.overlap import overlap_of, questions_in
from tests.leaves import leaf
from tests.task.test_multiple_choice import task, write

TEXTS = [
    "Where would somebody most likely keep a spare kettle?",
    "What do carpenters use to tighten a loose bolt?",
    "Which of these things melts in the midday sun?",
    "Who bakes the rolls early in the morning?",
    "What carries people across a wide river?",
]
NEAR = "So where would somebody most likely keep a spare kettle?"


def one(name: str, question: str, choices: tuple[str, ...] = ("x", "y")) -> Example:
    return Example(name, question, choices, 0)


SPLITS: dict[Split, list[Example]] = {
    "train": [one("a", TEXTS[0]), one("b", TEXTS[1]), one("c", TEXTS[2])],
    "dev": [one("d", TEXTS[3]), one("e", TEXTS[1] + " ")],
    "test": [one("f", NEAR), one("g", TEXTS[2].upper()), one("h", TEXTS[4]), one("i", TEXTS[3][:-1])],
}


def test_equal_and_near_questions_are_told_apart() -> None:
    found = overlap_of(SPLITS, 0.8)
    assert found.equal["test", "train"] == {"g"}
    assert found.near["test", "train"] == {"f"}
    assert found.equal["test", "dev"] == {"i"}
    assert found.touched("test") == {"f", "g", "i"}
    assert found.touched("dev") == {"e"}
    assert found.told() == ["1 of 4 test questions are nearly the same as one of train"]
    assert overlap_of(SPLITS, 1.0).touched("test") == {"g", "i"}


def test_labels_that_all_texts_share_make_none_alike() -> None:
    """As the 150 labels of an intent task, which are longer than the texts."""
    labels = tuple(f"a rather long label number {n}" for n in range(150))
    splits: dict[Split, list[Example]] = {
        "train": [one("a", "book a table", labels)],
        "test": [one("b", "cancel my card", labels), one("c", "book a table", labels)],
    }
    assert overlap_of(splits, 0.5).touched("test") == {"c"}


def test_questions_are_found_inside_longer_texts() -> None:
    texts = [f"Think.\nSo:  {TEXTS[0].upper()}\nIt is in the kitchen.", "Yes? Yes."]
    assert questions_in(texts, [one("a", TEXTS[0]), one("b", TEXTS[1]), one("c", "Yes?")]) == {"a"}


def folder(path: Path) -> Path:
    choices = {"choices": ["red", "blue"], "answer": "red"}
    train = [{"question": text, **choices} for text in TEXTS[:4]]
    return write(path, train, [{"question": NEAR, **choices}, {"question": TEXTS[4], **choices}])


def test_near_questions_are_dropped_from_train_or_refused(tmp_path: Path) -> None:
    made = task(folder(tmp_path), dev_share=0.0)
    assert len(made.examples("train")) == 4
    dropping = task(tmp_path, on_overlap="drop", dev_share=0.0)
    assert [example.question for example in dropping.examples("train")] == TEXTS[1:4]
    assert (len(dropping.examples("test")), dropping.source()["dropped"]) == (2, {"train": 1})
    (problem,) = task(tmp_path, on_overlap="refuse", dev_share=0.0).check()
    assert problem == "task.on_overlap=refuse: 1 of 2 test questions are nearly the same as one of train"
    assert task(tmp_path, on_overlap="refuse", overlap_threshold=1, dev_share=0.0).check() == []
    with pytest.raises(ConfigError, match=r"task\.overlap_threshold=0\.1 must lie between 0\.5 and 1"):
        task(tmp_path, overlap_threshold=0.1)


def test_the_former_name_works_as_before_and_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = task(folder(tmp_path), duplicates="drop", dev_share=0.0)
    assert len(made.examples("train")) == 4
    assert "task.duplicates=drop is now task.on_overlap=drop" in caplog.text


def test_the_settings_of_an_earlier_release_still_make_the_task(tmp_path: Path) -> None:
    """A run folder of 0.2 holds these, and its student is asked with them."""
    late = {"hub_name", "revision", "encoding", "template", "shuffle_choices", "on_overlap", "overlap_threshold"}
    files = {"train": "train.jsonl", "dev": None, "test": "test.jsonl"}
    settings = leaf("task", "multiple_choice", folder=str(folder(tmp_path)), files=files, dev_share=0.0)
    old = build({key: settings[key] for key in settings.keys() - late} | {"duplicates": "keep"}, "task")
    assert len(old.examples("train")) == 4


def test_scores_are_told_over_untouched_questions_too() -> None:
    right = [True, True, False, True]

    def score(places: Any) -> Any:
        return [share("accuracy", [right[place] for place in places]), share("unparsed", [False] * len(places))]

    (found,) = untouched("accuracy", score, SPLITS["test"], overlap_of(SPLITS, 0.8).touched("test"))
    assert (found.name, found.value, found.n) == ("accuracy/untouched", 0.0, 1)
    assert untouched("accuracy", score, SPLITS["test"], frozenset()) == []
    assert untouched("accuracy", score, SPLITS["test"], frozenset("fghi")) == []


def test_the_page_says_that_questions_are_nearly_the_same() -> None:
    counts: Any = {"test": {"questions": 4, **overlap_of(SPLITS, 0.8).near_counts()["test"]}}
    texts = [
        block.text
        for section in data_sections({"questions": counts})
        for block in section.blocks
        if isinstance(block, Paragraph)
    ]
    assert texts == [
        "1 of 4 test questions are nearly the same as one of train: scores on the others are called untouched."
    ]
