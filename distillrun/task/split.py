"""From files to splits: examples with unique ids, and a dev split cut from train by a seed."""

import hashlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import get_args

from distillrun.errors import ConfigError
from distillrun.records import Example, Json, Split, repeats_choices
from distillrun.rows import Row

SPLITS: tuple[Split, ...] = get_args(Split)

_log = logging.getLogger(__name__)


def load_splits(
    rows: Mapping[Split, Iterable[Row] | None],
    read: Callable[[Row], Example],
    dev_share: float,
    split_seed: int,
    limit: int | None,
) -> dict[Split, list[Example]]:
    """Return the examples of each split.

    Args:
        rows: the rows of each split; where dev is None it is a part of train.
        read: makes an example of a row, or raises ConfigError.
        dev_share: the part of train that becomes dev, rounded up.
        split_seed: decides which part; the order of the rows does not.
        limit: how many examples of each split are kept, the first ones; None = all.

    Raises:
        ConfigError: an id occurs twice, within a split or across splits, or a split is empty.
    """
    places: dict[str, str] = {}
    splits: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    for split, found in rows.items():
        for row in found or ():
            example = read(row)
            if example.id in places:
                raise ConfigError(f"{row.where}: the id {example.id!r} is already that of {places[example.id]}")
            places[example.id] = row.where
            splits[split].append(example)
    if rows.get("dev") is None:
        held_out = dev_ids([example.id for example in splits["train"]], dev_share, split_seed)
        splits["dev"] = [example for example in splits["train"] if example.id in held_out]
        splits["train"] = [example for example in splits["train"] if example.id not in held_out]
    for split, examples in splits.items():
        if not examples and (split != "dev" or dev_share > 0):
            taken = split == "train" and len(splits["dev"])
            why = f"task.dev_share={dev_share} takes all {taken} questions of it" if taken else "its file holds no rows"
            raise ConfigError(f"the {split} split is empty: {why}")
    return {split: examples[:limit] for split, examples in splits.items()}


def check_split_settings(dev_share: float, limit: int | None) -> None:
    """Raise ConfigError where a setting makes no split."""
    if not 0 <= dev_share < 1:
        raise ConfigError(f"task.dev_share={dev_share} must be at least 0 and below 1")
    if limit is not None and limit < 1:
        raise ConfigError(f"task.limit={limit} must be at least 1, or null for all")


def dev_ids(ids: Iterable[str], share: float, seed: int) -> frozenset[str]:
    """Return a seeded share of the ids, rounded up.

    Ids are ranked by a digest of seed and id, so the choice depends neither on the order of the rows nor on a
    library's random numbers, and hardly changes when rows are added.
    """
    ranked = sorted(ids, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    return frozenset(ranked[: math.ceil(round(share * len(ranked), 6))])


def repeated_choices(splits: Mapping[Split, Iterable[Example]], task: str) -> Json:
    """Return, and log, how many questions of each split have two choices of the same text."""
    counts: dict[str, Json] = {}
    for split, examples in splits.items():
        counts[split] = sum(map(repeats_choices, examples))
    if any(counts.values()):
        shown = ", ".join(f"{count} of {split}" for split, count in counts.items())
        _log.info("task=%s: questions that repeat a choice, told apart by index: %s", task, shown)
    return counts
