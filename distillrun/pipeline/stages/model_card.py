"""The README of a saved student, as the Hugging Face Hub shows it."""

from collections.abc import Mapping

import yaml

from distillrun import __version__
from distillrun.records import Json


def model_card(leaves: Mapping[str, Json], training: Mapping[str, Json], dev: Mapping[str, float]) -> str:
    """Return the card of a student.

    Args:
        leaves: what decided the student: its own settings and its objective's.
        training: the training settings.
        dev: its dev accuracy with n and interval; empty where none was measured.
    """
    front = yaml.safe_dump({"library_name": "transformers", "tags": ["knowledge-distillation", "distillrun"]})
    settings = yaml.safe_dump({**leaves, "training": dict(training)}, sort_keys=False, allow_unicode=True)
    measured = ""
    if dev:
        value, low, high = (f"{dev[key]:.4f}" for key in ("value", "low", "high"))
        measured = f"Dev accuracy {value} (95 % interval {low} to {high}, n = {dev['n']:.0f}).\n\n"
    return (
        f"---\n{front}---\n\n# A student trained by distillrun {__version__}\n\n{measured}"
        "It reads and writes the texts of the templates below; transformers' `from_pretrained` loads it.\n\n"
        f"```yaml\n{settings}```\n"
    )
