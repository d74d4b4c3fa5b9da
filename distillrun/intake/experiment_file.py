"""The experiment file that `distillrun init` writes: a task for the user's files, and what learns it."""

import json
from collections.abc import Mapping
from typing import Any

from distillrun.config.compose import literal
from distillrun.intake.guess import Guess

_LEARNT = {
    "classification": """\
  - override /student: text_classifier        # offline, to try it: tiny_text_classifier
  - override /objective: label_only           # or choice_distillation, with generation: choice_scores
  - override /training: linear_probe
  - override /evaluation: [choice_likelihood, classification, calibration]
""",
    "multiple_choice": """\
  - override /student: tiny_qwen              # 0.2M weights, offline; on a GPU t5_base with training: paper
  - override /objective: label_only           # with a teacher: multitask, and generation: zero_shot_rationale
""",
}
_TAUGHT = {
    "classification": "  - override /generation: label              # the teacher's label for each text\n",
    "multiple_choice": "  - override /generation: chain_of_thought   # the teacher's answer to each question\n",
}
_MORE = {
    "classification": """
objective:
  source: "{question}"       # the classifier reads the text alone
  target: "{answer}"

evaluation:
  choice_likelihood:
    prior: false
  calibration:
    temperature: fitted      # on dev
""",
    "multiple_choice": "",
}
_ZERO_SHOT = """
generation:
  steps:
    chain_of_thought:
      prompt:
        demos: 0             # the shipped demonstrations are of everyday things
"""
NOTES = {
    "folder": "where the files are",
    "label_source": "of training labels: gold, teacher, or teacher_where_missing",
    "test_share": "of train, held out for the test by split_seed",
    "dev_share": "of dev_from",
    "labels": "columns name and description; null = the labels of the training rows",
    "answer_form": "text, letter, index (from 0), number (from 1) or boolean",
}


def experiment_file(guess: Guess, name: str) -> str:
    """Return the YAML of an experiment."""
    lines = [
        "# @package _global_",
        f"# {name}: made by distillrun init, to be changed; distillrun --help task={guess.kind} shows every key.",
        "defaults:",
        f"  - override /task: {guess.kind}",
        _LEARNT[guess.kind].rstrip("\n"),
    ]
    if guess.label_source != "gold":
        lines.append(_TAUGHT[guess.kind].rstrip("\n"))
    lines += ["", f"name: {name}", "", "task:"]
    for key, value in guess.settings.items():
        lines += _setting(key, value)
    more = _MORE[guess.kind]
    if guess.kind == "multiple_choice" and guess.label_source != "gold":
        more = _ZERO_SHOT
    return "\n".join(lines) + "\n" + more


def _setting(key: str, value: Any) -> list[str]:
    note = f"  # {NOTES[key]}" if key in NOTES else ""
    if isinstance(value, Mapping):
        return [f"  {key}:", *(f"    {name}: {_scalar(one)}" for name, one in value.items())]
    return [f"  {key}: {_scalar(value)}{note}"]


def _scalar(value: Any) -> str:
    """Return a value as YAML; what would be a reference to another setting is taken as text."""
    if isinstance(value, str):
        return json.dumps(literal(value), ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    return json.dumps(value)
