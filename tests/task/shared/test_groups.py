"""Groups of rows stay together when a split is cut off."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupShuffleSplit

from distillrun.errors import ConfigError
from distillrun.task.classification import Classification
from distillrun.task.shared.groups import held_out_groups
from tests.leaves import made

ROWS = [{"text": f"text {n}", "label": "ab"[n % 2], "customer": f"c{n * n % 23}" if n % 7 else ""} for n in range(120)]


def task(folder: Path, rows: list[dict[str, Any]] = ROWS, **changes: Any) -> Classification:
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = {"train": "train", "dev": None, "test": None}
    settings = {"files": files, "test_share": 0.25, "dev_share": 0.2, "split_by": "customer", **changes}
    found: Classification = made("task", "classification", folder=str(folder), **settings)
    return found


def customers(found: Classification) -> dict[str, set[str]]:
    of = {row["text"]: row["customer"] for row in ROWS if row["customer"]}
    splits: Any = ("train", "dev", "test")
    return {split: {of[one.question] for one in found.examples(split) if one.question in of} for split in splits}


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30), st.floats(0.05, 0.9), st.integers(0, 5))
def test_whole_groups_come_as_near_to_the_share_as_sklearns_do_or_nearer(
    sizes: list[int], share: float, seed: int
) -> None:
    groups = {f"g{n}": size for n, size in enumerate(sizes)}
    taken = held_out_groups(groups, share, str(seed))
    held_out = sum(groups[name] for name in taken)

    assert 0 < len(taken) < len(groups)
    assert abs(held_out - share * sum(sizes)) <= max(sizes)
    assert taken == held_out_groups(dict(reversed(groups.items())), share, str(seed))
    names = [name for name, size in groups.items() for _ in range(size)]
    if math.ceil(share * len(sizes)) < len(sizes):  # sklearn takes a share of the groups, and refuses to take all
        _, theirs = next(GroupShuffleSplit(1, test_size=share, random_state=seed).split(names, groups=names))
        assert abs(held_out - share * len(names)) <= max(max(sizes), abs(len(theirs) - share * len(names)))


def test_no_group_stands_on_both_sides_and_blank_ones_are_alone(tmp_path: Path) -> None:
    found = task(tmp_path)
    own = customers(found)
    sizes = {split: len(found.examples(split)) for split in ("train", "dev", "test")}

    assert not own["train"] & own["test"]
    assert not own["train"] & own["dev"]
    assert not own["dev"] & own["test"]
    assert sum(sizes.values()) == len(ROWS)
    assert abs(sizes["test"] - 30) <= max(Counter(row["customer"] for row in ROWS if row["customer"]).values())
    told: Any = found.source()["groups"]
    assert set(told) == {"train", "dev", "test"}
    assert customers(task(tmp_path, split_by=None))["train"] & customers(task(tmp_path, split_by=None))["test"]


def test_unlabelled_rows_of_a_group_that_is_held_out_are_not_trained_on(tmp_path: Path) -> None:
    rows = [{**row, "label": row["label"] if n % 3 else ""} for n, row in enumerate(ROWS)]
    found = task(tmp_path, rows, label_source="teacher_where_missing")
    own = customers(found)

    assert not own["train"] & (own["test"] | own["dev"])
    told: Any = found.source()["groups"]
    assert told["rows left out"] == len(ROWS) - sum(len(found.examples(split)) for split in ("train", "dev", "test"))
    assert told["rows left out"] > 0


def test_a_column_that_cannot_part_the_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task\.split_by has 1 value"):
        task(tmp_path, [{**row, "customer": "one"} for row in ROWS]).examples("train")
    with pytest.raises(ConfigError, match=r"task\.split_by"):
        task(tmp_path, split_by="costumer").examples("train")
