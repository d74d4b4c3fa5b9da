"""The settings of a run: the command, those that one asks for first, and the options of the config."""

import shlex
from collections.abc import Mapping

from distillrun.records import Json
from distillrun.report.page.block import Block, Code, Paragraph, Section, Table
from distillrun.report.run.data import pairs
from distillrun.report.run.values import Values, mapping
from distillrun.text.display import NOTHING, number, shortened

FIRST = ("objective", "student", "teacher", "task")
"""Groups of the config whose options lead."""

TRAINING: Mapping[str, str] = {
    "max_steps": "training steps",
    "examples_per_step": "examples per step",
    "learning_rate": "learning rate",
    "seed": "seed",
}
"""Settings of the training that lead, by what they are called."""


def settings_section(result: Values, config: Values, data: Values) -> Section | None:
    """Return what ran; None where nothing is known of it."""
    blocks: list[Block] = []
    if error := result.get("error"):
        blocks.append(Paragraph(number(error), "bad"))
    if command := result.get("command"):
        text = shlex.join(str(word) for word in command) if isinstance(command, list) else str(command)
        blocks.append(Code(shortened(text)))
    selected = mapping(result.get("took_part", result.get("selected")))  # earlier runs did not note what took part
    leading = {name: selected[name] for name in FIRST if name in selected}
    leading |= _training(mapping(config.get("training")), mapping(result.get("training")))
    if leading and (questions := _questions(mapping(data.get("questions")))):
        leading["questions"] = questions
    rest = {name: value for name, value in selected.items() if name not in FIRST and value is not None}
    if leading or rest:
        blocks.append(Table(("", ""), [*pairs(leading).rows, *pairs(rest).rows]))
    return Section("What ran", blocks) if blocks else None


def _training(asked: Values, done: Values) -> dict[str, Json]:
    """Return the settings of the training; where it stopped early, after how many steps. Nothing where none was."""
    if asked.get("max_steps") == 0:
        return {TRAINING["max_steps"]: 0}
    shown: dict[str, Json] = {told: asked[name] for name, told in TRAINING.items() if name in asked}
    steps = done.get("steps")
    if "max_steps" in asked and isinstance(steps, int) and steps != asked["max_steps"]:
        shown[TRAINING["max_steps"]] = f"{number(asked['max_steps'])}, of which {number(steps)} were taken"
    return shown


def _questions(splits: Values) -> str:
    """Return how many questions each split has."""
    counts = {name: mapping(split).get("questions") for name, split in splits.items()}
    return ", ".join(f"{name} {number(count)}" for name, count in counts.items() if number(count) != NOTHING)
