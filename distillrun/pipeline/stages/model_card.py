"""The README of a saved student, as the Hugging Face Hub shows it."""

from collections.abc import Mapping

import yaml

from distillrun import __version__
from distillrun.files.yaml_text import yaml_text
from distillrun.records import Json


def model_card(
    part_settings: Mapping[str, Json],
    wording: Mapping[str, Json],
    training: Mapping[str, Json],
    dev: Mapping[str, float],
    usage: str,
) -> str:
    """Return the card of a student.

    Args:
        part_settings: what decided the student: its own settings and its objective's.
        wording: the task's templates.
        training: the training settings.
        dev: its dev accuracy with n and interval; empty where none was measured.
        usage: Python code that asks it a question; empty where transformers alone cannot.
    """
    front = yaml.safe_dump({"library_name": "transformers", "tags": ["knowledge-distillation", "distillrun"]})
    shown = {**({"task": dict(wording)} if wording else {}), **part_settings, "training": dict(training)}
    settings = yaml_text(shown)
    measured = ""
    if dev:
        value, low, high = (f"{dev[key]:.4f}" for key in ("value", "low", "high"))
        measured = f"Dev accuracy {value} (95 % interval {low} to {high}, n = {dev['n']:.0f}).\n\n"
    how = f"## Use\n\n```python\n{usage}```\n\n" if usage else ""
    return (
        f"---\n{front}---\n\n# A student trained by distillrun {__version__}\n\n{measured}{how}"
        "## Templates and settings\n\n"
        "It reads and writes the texts of these templates: the task's make the question, and the objective's put it "
        "into what the student reads. `distillrun predict` on the run's folder does all of that.\n\n"
        f"```yaml\n{settings}```\n"
    )
