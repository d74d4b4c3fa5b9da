"""Settings that came later than their section, each with the value that means what was before it."""

from collections.abc import Mapping
from typing import Any

LATER: Mapping[str, Mapping[str, Any]] = {
    "task": {
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
    },
    "student": {
        "truncate": "refuse",
        "dtype": "auto",
        "quantization": None,
        "gguf_file": None,
        "adapter": None,
        "chat": "auto",
        "chat_options": {},
    },
    "teacher": {"adapter": None, "chat_options": {}},
    "logit_teacher": {"chat_options": {}},
    "training": {
        "pretrained_rate_limit": 1.0e-3,
        "optimizer": "adamw",
        "warm_start_steps": 0,
        "warm_start_learning_rate": None,
    },
}
"""By section. A digest leaves them out at these values, so that an earlier sweep finds its jobs."""


LATER_OF: Mapping[str, Mapping[str, Any]] = {
    "teacher/Api": {
        "tokenizer": None,
        "log_prob_server": "vllm",
        "chat": "auto",
        "chat_options": {},
        "target_separator": "\n",
    },
    "teacher/Vllm": {"target_separator": "\n"},
}
"""By part, whatever section it stands in."""


def without_later(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run as they were before these came."""
    return {section: _without(node, _later(section, node)) for section, node in settings.items()}


def _later(section: str, node: Any) -> Mapping[str, Any]:
    own = LATER_OF.get(str(node.get("_target_")), {}) if isinstance(node, Mapping) else {}
    return {**LATER.get(section, {}), **own}


def _without(node: Any, later: Mapping[str, Any]) -> Any:
    if not later or not isinstance(node, Mapping):
        return node
    return {key: value for key, value in node.items() if key not in later or value != later[key]}
