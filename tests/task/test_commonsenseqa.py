"""CommonsenseQA in each of its schemas, its splits, and what is wrong with a file."""

import random
from pathlib import Path
from typing import Any

import pytest

from distillrun.errors import ConfigError
from distillrun.interfaces import Task
from distillrun.records import is_right
from distillrun.task.commonsenseqa import CommonsenseQA
from tests.task.splits import write_splits

SETTINGS: dict[str, Any] = {
    "folder": None,
    "hub_name": "tau/commonsense_qa",
    "revision": "main",
    "question_template": "{question} {choices}",
    "choice_template": "({letter}) {choice}",
    "choice_separator": " ",
    "answer_template": "{choice}",
    "dev_share": 0.1,
    "split_seed": 0,
    "limit": None,
    "on_overlap": "report",
    "overlap_threshold": 0.8,
    "duplicates": None,
}
CHOICES = ["zoo", "lake", "sea", "lake", "sky"]


def task(folder: Path, **changes: Any) -> CommonsenseQA:
    return CommonsenseQA(**{**SETTINGS, "folder": str(folder), **changes})


def flat(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"q{number}", "question": f"Where is {number}?", "choices": CHOICES, "answer": "lake", **changes}


def official(number: int) -> dict[str, Any]:
    labelled = {"label": list("ABCDE"), "text": CHOICES}
    return {**flat(number), "question_concept": "x", "choices": labelled, "answerKey": "B"}


def released(number: int) -> dict[str, Any]:
    listed = [{"label": label, "text": text} for label, text in zip("ABCDE", CHOICES, strict=True)]
    return {"id": f"q{number}", "question": {"stem": f"Where is {number}?", "choices": listed}, "answerKey": "B"}


def write(folder: Path, train: list[dict[str, Any]], validation: list[dict[str, Any]]) -> Path:
    return write_splits(folder, train=train, validation=validation)


@pytest.mark.parametrize("schema", [flat, official, released])
def test_every_schema_gives_the_same_examples(tmp_path: Path, schema: Any) -> None:
    made = task(write(tmp_path, [schema(n) for n in range(20)], [schema(99)]))
    assert isinstance(made, Task)
    assert made.check() == []
    example = made.examples("test")[0]
    assert (example.id, example.question, example.choices) == ("q99", "Where is 99?", tuple(CHOICES))
    assert example.answer == 1  # the first "lake"; "B" in the official schema
    assert [len(made.examples(split)) for split in ("train", "dev", "test")] == [18, 2, 1]
    assert made.source()["repeated_choices"] == {"train": 18, "dev": 2, "test": 1}


def test_the_split_depends_on_its_seed_and_not_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [flat(n) for n in range(200)]
    ids = {}
    for name, order in {"plain": rows, "shuffled": random.Random(1).sample(rows, 200)}.items():
        folder = tmp_path / name
        folder.mkdir()
        made = task(write(folder, order, [flat(999)]))
        ids[name] = {example.id for example in made.examples("dev")}
        other = {example.id for example in task(folder, split_seed=1).examples("dev")}
        assert len(ids[name]) == len(other) == 20
        assert ids[name] != other
        assert ids[name].isdisjoint(example.id for example in made.examples("train"))
    assert ids["plain"] == ids["shuffled"]


def test_a_limit_keeps_the_first_of_each_split(tmp_path: Path) -> None:
    folder = write(tmp_path, [flat(n) for n in range(50)], [flat(n) for n in range(50, 60)])
    for split in ("train", "dev", "test"):
        assert task(folder, limit=3).examples(split) == task(folder).examples(split)[:3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "lak"}, r"train\.jsonl:2: the answer 'lak' is not among the choices .*did you mean 'lake'"),
        ({"answer": ""}, r"train\.jsonl:2: the row has no answer"),
        ({"answer": None}, r"train\.jsonl:2: the row has no answer"),
        ({"answerKey": "F"}, r"train\.jsonl:2: the answer 'F' is not among"),
        ({"id": "q0"}, r"train\.jsonl:2: the id 'q0' is already that of .*train\.jsonl:1"),
        ({"id": None}, r"train\.jsonl:2: id must hold a text, not None"),
        ({"question": " "}, r"train\.jsonl:2: question must hold a text"),
        ({"choices": ["lake"]}, r"train\.jsonl:2: choices has 1 choices"),
        ({"choices": "lake"}, r"train\.jsonl:2: choices must be a list"),
        ({"choices": ["lake", None]}, r"train\.jsonl:2: choices must hold a text, not None"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    made = task(write(tmp_path, [flat(0), flat(1, **change)], [flat(9)]))
    with pytest.raises(ConfigError, match=message):
        made.examples("train")
    assert len(made.check()) == 1


def test_a_question_of_train_may_not_be_tested(tmp_path: Path) -> None:
    made = task(write(tmp_path, [flat(0), flat(1)], [flat(1)]))
    assert "validation.jsonl:1: the id 'q1' is already that of" in made.check()[0]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    row = {key: value for key, value in flat(0).items() if key != "answer"} | {"anwser": "lake"}
    assert "no column 'answer' (did you mean 'anwser'?)" in task(write(tmp_path, [row], [flat(9)])).check()[0]


def test_a_missing_folder_or_file_is_reported_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "cqa").mkdir()
    (tmp_path / "cqa" / "train.jsonl").touch()
    problems = [*task(tmp_path / "qca").check(), *task(tmp_path / "cqa").check()]
    assert "did you mean 'cqa'" in problems[0]
    assert "holds no validation, as a folder or with one of .jsonl" in problems[1]
    assert all("set task.folder to a folder with train and validation files" in problem for problem in problems)


@pytest.mark.parametrize("change", [{"dev_share": 1.0}, {"dev_share": -0.1}, {"limit": 0}])
def test_a_setting_out_of_range_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"task.{next(iter(change))}="):
        task(tmp_path, **change)


def test_from_the_hub_the_commit_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub

    def nothing(*_: Any, **__: Any) -> Any:
        raise OSError("no network")

    def downloaded(name: str, **settings: Any) -> str:
        assert (name, settings["revision"], settings["local_files_only"]) == ("tau/commonsense_qa", "main", True)
        return str(tmp_path / "c0ffee")

    for stem, numbers in {"train": range(10), "validation": range(10, 12)}.items():
        rows = datasets.Dataset.from_list([official(number) for number in numbers])
        rows.to_parquet(tmp_path / "c0ffee" / "data" / f"{stem}-00000-of-00001.parquet")
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", nothing)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", downloaded)
    made = CommonsenseQA(**SETTINGS)
    assert [example.answer for example in made.examples("test")] == [1, 1]
    assert made.source()["hub"] == {"name": "tau/commonsense_qa", "revision": "main", "commit": "c0ffee"}
    monkeypatch.setattr(huggingface_hub, "snapshot_download", nothing)
    assert "neither be reached nor was it downloaded before; set task.folder" in CommonsenseQA(**SETTINGS).check()[0]


@pytest.mark.realdata
def test_the_real_splits_have_their_known_sizes(shared_data: Path) -> None:
    made = task(shared_data / "cqa")
    train, dev, test = (made.examples(split) for split in ("train", "dev", "test"))
    assert (len(train), len(dev), len(test)) == (8766, 975, 1221)
    assert len({example.id for example in [*train, *dev, *test]}) == 9741 + 1221
    repeats = made.source()["repeated_choices"]
    assert isinstance(repeats, dict)
    assert repeats["test"] == 24
    assert sum(n for split, n in repeats.items() if split != "test" and isinstance(n, int)) == 122
    for example in [*train, *dev, *test]:
        assert is_right(example, example.answer)
        assert made.parse(made.answer(example, example.answer or 0), example) == example.answer
