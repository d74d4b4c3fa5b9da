"""Settings of tasks that came later, each with the value that means what was before it."""

from collections.abc import Mapping
from typing import Any

LATER: Mapping[str, Any] = {
    "label_source": "gold",
    "dev_from": "train",
    "test_share": 0.0,
    "slices": None,
    "template": None,
    "encoding": None,
    "shuffle_choices": False,
    "train_limit": None,
    "multi_label": False,
    "label_separator": None,
    "out_of_scope": None,
}
"""Of the section `task`. A digest leaves them out at these values, so that an earlier sweep finds its jobs."""


def without_later(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a task as they were before these came."""
    return {key: value for key, value in task.items() if key not in LATER or value != LATER[key]}
