"""The files of a split are found as people name them and as the Hub lays them out; a missing shard is named."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from distillrun.errors import ConfigError
from distillrun.files.rows import read_all, read_rows
from distillrun.files.split_files import split_files, stem_patterns

ROW = '{"id": 1}\n'


def laid_out(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(ROW, encoding="utf-8")
    return folder


LAYOUTS: list[tuple[list[str], str | list[str], list[str]]] = [
    (["train.jsonl", "test.jsonl"], "train", ["train.jsonl"]),
    (["train.jsonl", "test.jsonl"], "train.jsonl", ["train.jsonl"]),
    (["train.csv.gz"], "train", ["train.csv.gz"]),
    (["TRAIN.CSV"], "TRAIN", ["TRAIN.CSV"]),
    (
        ["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"],
        "train",
        ["data/train-00000-of-00001.parquet"],
    ),
    (
        [f"data/train-{n:05}-of-00011.parquet" for n in range(11)],
        "train",
        [f"data/train-{n:05}-of-00011.parquet" for n in range(11)],
    ),
    (
        ["data/train-00000-of-00001-a09b74b3ef9c3b56.parquet", "data/train_r1-00000-of-00001.parquet"],
        "train",
        ["data/train-00000-of-00001-a09b74b3ef9c3b56.parquet"],
    ),
    (
        ["easy/train-00000-of-00001.parquet", "hard/train-00000-of-00001.parquet"],
        "hard/train",
        ["hard/train-00000-of-00001.parquet"],
    ),
    (["default/train/0000.parquet", "default/train/0001.parquet"], "default/train", ["default/train"]),
    (
        ["train-1.jsonl", "train-10.jsonl", "train-2.jsonl", "other.jsonl"],
        "train-*.jsonl",
        ["train-1.jsonl", "train-2.jsonl", "train-10.jsonl"],
    ),
    (["b.jsonl", "a.jsonl"], ["b.jsonl", "a"], ["b.jsonl", "a.jsonl"]),
    (
        ["train-00001-of-00002.jsonl", "train-00002-of-00002.jsonl"],
        "train",
        ["train-00001-of-00002.jsonl", "train-00002-of-00002.jsonl"],
    ),
    (["a.xlsx"], "a.xlsx#Sheet 2", ["a.xlsx#Sheet 2"]),
    (["a#b.jsonl"], "a#b.jsonl", ["a#b.jsonl"]),
    (["a[1].csv"], "a[1].csv", ["a[1].csv"]),
]


@pytest.mark.parametrize(("names", "wanted", "found"), LAYOUTS)
def test_a_split_is_found(tmp_path: Path, names: list[str], wanted: str | list[str], found: list[str]) -> None:
    files = split_files(laid_out(tmp_path, names), wanted)
    assert [str(path.relative_to(tmp_path)) for path in files] == found


@pytest.mark.parametrize(("names", "wanted", "found"), LAYOUTS[:-2])
def test_what_is_asked_of_the_hub_holds_what_is_found(
    tmp_path: Path, names: list[str], wanted: str | list[str], found: list[str]
) -> None:
    """huggingface_hub's own filter lets all files through that a split is found in."""
    from huggingface_hub.utils._paths import filter_repo_objects

    passed = set(filter_repo_objects(names, allow_patterns=stem_patterns(wanted)))
    wanted_files = {name for name in names for one in found if name.startswith(one.partition("#")[0])}
    assert wanted_files <= passed


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        (
            ["data/train-00000-of-00003.parquet", "data/train-00002-of-00003.parquet"],
            "train",
            r"is one of 3 shards, and train-00001-of-00003\.parquet is missing",
        ),
        (["train-00000-of-00002.csv"], "train-*", r"train-00001-of-00002\.csv is missing"),
        (["t-0-of-99999999999.csv"], "t", r"t-1-of-99999999999\.csv is missing"),
        (["train.csv", "train.jsonl"], "train", r"holds train\.csv and train\.jsonl; keep one of them, or name"),
        (["train/0.csv", "data/train.jsonl"], "train", r"holds train and data/train\.jsonl"),
        (["tran.csv"], "train", r"holds no train \(did you mean 'tran\.csv'\?\).*it holds: tran\.csv"),
        (["a.csv"], "b/train", r"b does not exist"),
        (["a.csv"], "b-*.csv", r"nothing in .* matches b-\*\.csv; it holds: a\.csv"),
        (["a.csv"], "/etc/*", r"/etc/\*: a pattern must lie in"),
    ],
)
def test_what_is_missing_or_ambiguous_is_named(tmp_path: Path, names: list[str], wanted: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split_files(laid_out(tmp_path, names), wanted)


def test_shards_are_read_as_one_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"train-{number}-of-12.jsonl").write_text(f'{{"id": {number}}}\n', encoding="utf-8")
    found = read_all(split_files(tmp_path, "train"))
    assert [row.values["id"] for row in found] == list(range(12))
    assert [row.values["id"] for row in read_rows(tmp_path)] == list(range(12))
    (tmp_path / "train-7-of-12.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"train-7-of-12\.jsonl is missing"):
        list(read_rows(tmp_path))
