"""The policy for questions of dev or test that other splits have, too."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from distillrun.errors import ConfigError
from distillrun.records import Example, Split
from distillrun.text.near_duplicates import LEAST
from distillrun.text.overlap import EQUAL_ALONE, overlap_of, without_near
from distillrun.text.repeats import told, without_repeats

OnOverlap = Literal["report", "drop", "refuse"]
Duplicates = Literal["keep", "drop", "refuse"]

_log = logging.getLogger(__name__)

Examples = Mapping[Split, Sequence[Example]]


@dataclass(frozen=True, slots=True)
class OverlapPolicy:
    """The treatment of questions that stand in two splits, or twice in one.

    Attributes:
        on: report: every question stays, and the run says how many overlap. drop: train loses what stands in dev or
            test, or earlier in train, and dev what stands in test; test keeps all. refuse: the run ends.
        threshold: the likeness from which on questions are nearly the same; 1 = equal ones alone.
    """

    on: OnOverlap
    threshold: float

    def refusals(self, splits: Examples) -> list[str]:
        """Return why the splits are refused; empty where they are not."""
        return [*told(splits), *overlap_of(splits, self.threshold).told()] if self.on == "refuse" else []

    def without_equal(self, splits: Mapping[Split, list[Example]]) -> dict[Split, list[Example]]:
        """Return the splits without questions that stand again."""
        if self.on != "drop":
            return dict(splits)
        dev = without_repeats(splits["dev"], splits["test"])
        return {**splits, "dev": dev, "train": without_repeats(splits["train"], [*dev, *splits["test"]])}

    def without_near(self, splits: Mapping[Split, list[Example]]) -> dict[Split, list[Example]]:
        """Return the splits without questions of train or dev that are nearly the same as held-out ones."""
        if self.on != "drop" or self.threshold >= EQUAL_ALONE:
            return dict(splits)
        dev = without_near(splits["dev"], splits["test"], self.threshold)
        return {**splits, "dev": dev, "train": without_near(splits["train"], [*dev, *splits["test"]], self.threshold)}


def overlap_policy(on_overlap: OnOverlap, threshold: float, duplicates: Duplicates | None) -> OverlapPolicy:
    """Return the policy that settings name.

    Args:
        on_overlap, threshold: see `OverlapPolicy`.
        duplicates: the former name of the setting, which knew equal questions alone; None = not set.

    Raises:
        ConfigError: the threshold is out of its range.
    """
    if duplicates == "keep":
        return OverlapPolicy("report", EQUAL_ALONE)  # what every run of an earlier release holds
    if duplicates is not None:
        _log.warning(
            "task.duplicates=%s is now task.on_overlap=%s, which also looks for questions that are nearly the same "
            "(task.overlap_threshold=1 finds equal ones alone, as before); the next release knows the new name only",
            duplicates,
            duplicates,
        )
        return OverlapPolicy(duplicates, EQUAL_ALONE)
    if not LEAST <= threshold <= EQUAL_ALONE:
        raise ConfigError(f"task.overlap_threshold={threshold} must lie between {LEAST} and 1 (equal questions alone)")
    return OverlapPolicy(on_overlap, threshold)
