"""Groups of rows that stay together when a split is cut from another, such as the tickets of a customer."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from distillrun.errors import ConfigError
from distillrun.files.rows import Row
from distillrun.records import Example, Json, Split
from distillrun.task.shared.choice_row import is_blank, value_in

_log = logging.getLogger(__name__)


def groups_in(rows: Iterable[Row], ids: Iterable[str], column: str) -> dict[str, str]:
    """Return the group of each row by its id: what `task.split_by` holds; where that is blank, the row is alone.

    Raises:
        ConfigError: the column is not there.
    """
    found: dict[str, str] = {}
    for row, name in zip(rows, ids, strict=True):
        value = value_in(row, column, "task.split_by")
        found[name] = f"row {name}" if is_blank(value) else f"value {' '.join(str(value).split())}"
    return found


def held_out_groups(sizes: Mapping[str, int], share: float, seed: str) -> frozenset[str]:
    """Return the groups that make up a share of the rows, or as near to it as whole groups come.

    They are taken in the order of a digest of seed and group, each that brings the count nearer to the share. At least
    one is taken of a share above 0.

    Args:
        sizes: rows of each group.
        share: of all rows.
        seed: decides which.

    Raises:
        ConfigError: there is one group alone.
    """
    if not share:
        return frozenset()
    if len(sizes) < 2:
        raise ConfigError(
            f"task.split_by has {len(sizes)} value in the rows that have answers, so no part of them can be held out; "
            "name another column, or null"
        )
    ranked = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed}:{group}".encode()).digest())
    wanted, count = share * sum(sizes.values()), 0
    taken = []
    for group in ranked[:-1]:  # one stays
        if abs(count + sizes[group] - wanted) < abs(count - wanted):
            taken.append(group)
            count += sizes[group]
    return frozenset(taken or [min(ranked, key=sizes.__getitem__)])


def groups_told(
    splits: Mapping[Split, Sequence[Example]], groups: Mapping[str, str] | None, left_out: int
) -> dict[str, Json]:
    """Return, and log, how many groups and rows each split has, and which groups stand in two splits.

    Args:
        splits: as they were cut.
        groups: of each example by its id; None = rows were cut one by one.
        left_out: rows without answers, of groups that were held out.
    """
    if groups is None:
        return {}
    own = {split: {groups[one.id] for one in rows} for split, rows in splits.items()}
    shown = ", ".join(f"{split} {len(rows):,} rows of {len(own[split]):,}" for split, rows in splits.items())
    _log.info("task.split_by: %s groups%s", shown, f"; {left_out:,} rows without answers left out" if left_out else "")
    pairs: tuple[tuple[Split, Split], ...] = (("train", "dev"), ("train", "test"), ("dev", "test"))
    both = {f"{one} and {other}": len(own[one] & own[other]) for one, other in pairs if own[one] & own[other]}
    if both:
        told = ", ".join(f"{count:,} in {where}" for where, count in both.items())
        _log.warning("task.split_by: groups are on both sides of a split, since their rows are in two files: %s", told)
    counts: Counter[str] = Counter({split: len(names) for split, names in own.items()})
    return {"groups": {**counts, **both, **({"rows left out": left_out} if left_out else {})}}
