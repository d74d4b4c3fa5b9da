"""Splits from files: examples with unique ids, and a dev split cut from train by a seed."""

import hashlib
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from distillrun.errors import ConfigError
from distillrun.interfaces import LabelSource
from distillrun.records import Example, Json, Split, is_answered, repeats_choices
from distillrun.task.shared.groups import groups_told, held_out_groups
from distillrun.task.shared.on_overlap import OverlapPolicy
from distillrun.text.repeats import asked

SPLITS: tuple[Split, ...] = get_args(Split)

Placed = tuple[str, Example]
"""An example, and the file and line where it stands."""

UNLABELLED = (
    "dev is a part of train (task.files.dev is null), and no row of it has an answer to score by; name a file of rows "
    "with answers (task.files.dev=FILE), or take dev from the test rows: task.dev_from=test, of which task.dev_share "
    "is the share"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """The settings by which a task's rows become train, dev and test.

    Attributes:
        dev_share: the part of train (or test) that becomes dev, rounded up; of train, it is of rows that have answers.
        split_seed: decides which part; the order of the rows does not.
        limit: how many examples of each split are kept, the first ones; None = all.
        dev_from: the split that dev is a part of, where it has no file.
        label_source: of the training examples; unless it is gold, they may be without answers.
        test_share: the part of train that becomes test where test has no file, rounded up, of rows that have answers.
        train_limit: how many examples of train are kept, drawn by split_seed; fewer are a part of more. None = all.

    Raises:
        ConfigError: a share is no part, or the limit keeps nothing.
    """

    dev_share: float
    split_seed: int
    limit: int | None
    dev_from: Literal["train", "test"] = "train"
    label_source: LabelSource = "gold"
    test_share: float = 0.0
    train_limit: int | None = None

    def __post_init__(self) -> None:
        for key in ("dev_share", "test_share"):
            if not 0 <= (share := getattr(self, key)) < 1:
                raise ConfigError(f"task.{key}={share} must be at least 0 and below 1")
        for key in ("limit", "train_limit"):
            if (limit := getattr(self, key)) is not None and limit < 1:
                raise ConfigError(f"task.{key}={limit} must be at least 1, or null for all")


@dataclass(frozen=True, slots=True)
class Splits:
    """The examples of each split, and how many questions were dropped from it since they are asked elsewhere, too.

    `places` are the file and line of each example, by its id; `groups` tells of the groups that stayed together.
    """

    examples: dict[Split, list[Example]]
    dropped: dict[Split, int]
    places: Mapping[str, str]
    groups: Mapping[str, Json]


def load_splits(
    placed: Mapping[Split, Iterable[Placed] | None],
    settings: SplitSettings,
    policy: OverlapPolicy,
    groups: Mapping[str, str] | None = None,
) -> Splits:
    """Return the examples of each split.

    Args:
        placed: the examples of each split with their places; where dev is None it is a part of another split.
        settings: which part.
        policy: what becomes of a question that stands again, see `OverlapPolicy`.
        groups: of each example by its id; those of a group stay together, see `held_out_groups`. None = there are none.

    Raises:
        ConfigError: an id occurs twice, within a split or across splits, a split is empty, a question stands again and
            is refused, or an answer is missing.
    """
    places: dict[str, str] = {}
    splits: dict[Split, list[Example]] = {split: [] for split in SPLITS}
    for split, found in placed.items():
        for where, example in found or ():
            if places.get(example.id) == where:
                raise ConfigError(f"{where} is used for {split} and for another split; name a file of its own for each")
            if example.id in places:
                raise ConfigError(f"{where}: the id {example.id!r} is already that of {places[example.id]}")
            places[example.id] = where
            splits[split].append(example)
    _check_answers(splits, places, settings.label_source)
    if found_again := policy.refusals(splits):
        first = _first_again(splits, places)
        raise ConfigError("; ".join([f"task.on_overlap=refuse: {found_again[0]}", *found_again[1:], *first]))
    whole = {split: len(examples) for split, examples in splits.items()}
    splits = policy.without_equal(splits)
    dropped = {split: whole[split] - len(examples) for split, examples in splits.items()}
    left_out = 0
    if placed.get("test") is None:
        rows = splits["train"]
        answered = [example.id for example in rows if is_answered(example)]
        if rows and not answered:
            raise ConfigError(
                f"task.test_share={settings.test_share} takes the test from train, and no row of it has an answer to "
                "score by; name a file of rows with answers: task.files.test=FILE"
            )
        splits["test"], splits["train"] = _cut_off(rows, settings.test_share, f"{settings.split_seed}:test", groups)
        left_out += len(rows) - len(splits["test"]) - len(splits["train"])
    if placed.get("dev") is None:
        rows = splits[settings.dev_from]
        answered = [example.id for example in rows if is_answered(example)]
        if settings.dev_share and rows and not answered:
            raise ConfigError(UNLABELLED)
        splits["dev"], splits[settings.dev_from] = _cut_off(rows, settings.dev_share, str(settings.split_seed), groups)
        left_out += len(rows) - len(splits["dev"]) - len(splits[settings.dev_from])
    told = groups_told(splits, groups, left_out)
    apart = policy.without_near(splits)
    dropped = {split: dropped[split] + len(splits[split]) - len(examples) for split, examples in apart.items()}
    splits = apart
    for split, examples in splits.items():
        if not examples and (split != "dev" or settings.dev_share > 0):
            taken = split == settings.dev_from and len(splits["dev"])
            why = f"task.dev_share={settings.dev_share} takes all {taken} questions of it"
            why = why if taken else "its file holds no rows"
            why = f"task.on_overlap=drop leaves none of {dropped[split]} questions" if dropped[split] else why
            raise ConfigError(f"the {split} split is empty: {why}")
    if settings.train_limit is not None:
        drawn = drawn_ids((one.id for one in splits["train"]), settings.train_limit, f"{settings.split_seed}:train")
        splits["train"] = [example for example in splits["train"] if example.id in drawn]
    return Splits({split: examples[: settings.limit] for split, examples in splits.items()}, dropped, places, told)


def scope_splits(apart: Mapping[Split, Sequence[Example]], settings: SplitSettings) -> dict[Split, list[Example]]:
    """Return the examples without any of the labels by split; none is taught, so that dev may have those of train.

    Args:
        apart: such examples of each split that has a file.
        settings: which part of them is dev or test where these have none.
    """
    rows: dict[Split, list[Example]] = {split: list(apart.get(split, ())) for split in SPLITS}
    if "test" not in apart:
        held_out = held_out_ids([one.id for one in rows["train"]], settings.test_share, f"{settings.split_seed}:test")
        rows["test"] = [one for one in rows["train"] if one.id in held_out]
        rows["train"] = [one for one in rows["train"] if one.id not in held_out]
    if "dev" not in apart and settings.dev_from == "train":
        rows["dev"], rows["train"] = rows["train"], []
    elif "dev" not in apart:
        held_out = held_out_ids([one.id for one in rows["test"]], settings.dev_share, str(settings.split_seed))
        rows["dev"] = [one for one in rows["test"] if one.id in held_out]
        rows["test"] = [one for one in rows["test"] if one.id not in held_out]
    return {split: examples[: settings.limit] for split, examples in rows.items()}


def _check_answers(
    splits: Mapping[Split, Sequence[Example]], places: Mapping[str, str], label_source: LabelSource
) -> None:
    """Raise ConfigError where an example has no answer whose split needs one."""
    for split, examples in splits.items():
        without = [example for example in examples if not is_answered(example)]
        if not without or (split == "train" and label_source != "gold"):
            continue
        others = f" ({len(without)} of {len(examples)} rows of {split} have none)" if len(without) > 1 else ""
        cure = "add it, or remove the row"
        if split == "train":
            cure += "; or let the teacher answer: task.label_source=teacher_where_missing"
        raise ConfigError(f"{places[without[0].id]}: the row has no answer{others}; {cure}")


def _first_again(splits: Mapping[Split, Sequence[Example]], places: Mapping[str, str]) -> list[str]:
    """Return where the first question stands that stands again, and where; empty where none does."""
    known: dict[str, str] = {}
    for example in (example for split in SPLITS for example in splits[split]):
        first = known.setdefault(asked(example), example.id)
        if first != example.id:
            return [f"the first is {places[example.id]}, which asks the same as {places[first]}"]
    return []


def _cut_off(
    rows: Sequence[Example], share: float, seed: str, groups: Mapping[str, str] | None
) -> tuple[list[Example], list[Example]]:
    """Return a share of rows that have answers, and the rows that stay; of a group that is cut off none stays."""
    answered = [example for example in rows if is_answered(example)]
    if groups is None:
        ids = held_out_ids((example.id for example in answered), share, seed)
        return [one for one in rows if one.id in ids], [one for one in rows if one.id not in ids]
    taken = held_out_groups(Counter(groups[example.id] for example in answered), share, seed)
    return [one for one in answered if groups[one.id] in taken], [one for one in rows if groups[one.id] not in taken]


def held_out_ids(ids: Iterable[str], share: float, seed: str) -> frozenset[str]:
    """Return a seeded share of the ids, rounded up.

    Ids are ranked by a digest of seed and id, so the choice depends neither on the order of the rows nor on a
    library's random numbers, and hardly changes when rows are added.
    """
    known = list(ids)
    return drawn_ids(known, math.ceil(round(share * len(known), 6)), seed)


def drawn_ids(ids: Iterable[str], count: int, seed: str) -> frozenset[str]:
    """Return so many of the ids, drawn as `held_out_ids` does: a smaller count draws a part of a greater one."""
    ranked = sorted(ids, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    return frozenset(ranked[:count])


def counted(splits: Splits, task: str) -> dict[str, Json]:
    """Return, and log, how many questions of each split repeat a choice, and how many were dropped."""
    repeated: dict[str, Json] = {split: sum(map(repeats_choices, rows)) for split, rows in splits.examples.items()}
    dropped: dict[str, Json] = {split: count for split, count in splits.dropped.items() if count}
    for counts, what in ((repeated, "that repeat a choice"), (dropped, "dropped, since they are asked elsewhere, too")):
        if any(counts.values()):
            shown = ", ".join(f"{count} of {split}" for split, count in counts.items())
            _log.info("task=%s: questions %s: %s", task, what, shown)
    return {"repeated_choices": repeated, **({"dropped": dropped} if dropped else {}), **splits.groups}
