"""The experiment file that `distillrun init` writes: a task for the user's files, and what learns it."""

import json
from collections.abc import Mapping
from typing import Any

from distillrun.config.compose import literal
from distillrun.intake.guessed import Guess

_LEARNT = {
    "classification": """\
  - override /student: text_classifier        # offline, to try it: tiny_text_classifier
  - override /objective: label_only           # or choice_distillation, with generation: choice_scores
  - override /training: linear_probe
  - override /evaluation: [choice_likelihood, classification, calibration]
""",
    "several labels": """\
  - override /student: text_classifier        # offline, to try it: tiny_text_classifier
  - override /objective: label_only           # or label_shares, with several samples of generation: label_sets
  - override /training: linear_probe
  - override /evaluation: [label_sets, multi_label]
""",
    "free_form": """\
  - override /scorer@task.scorer: {scorer}
  - override /student: tiny_qwen              # 0.2M weights, offline; on a GPU t5_base with training: paper
  - override /objective: label_only           # with a teacher: multitask, and generation: zero_shot_rationale
""",
    "with reasons": """\
  - override /scorer@task.scorer: {scorer}
  - override /student: tiny_qwen              # 0.2M weights, offline; on a GPU t5_base with training: paper
  - override /generation: gold_rationale      # the reasons of the rows; or a teacher's: zero_shot_rationale
  - override /objective: multitask            # learns to answer and to explain
""",
    "multiple_choice": """\
  - override /student: tiny_qwen              # 0.2M weights, offline; on a GPU t5_base with training: paper
  - override /objective: label_only           # with a teacher: multitask, and generation: zero_shot_rationale
""",
}
_TAUGHT = {
    "several labels": "  - override /generation: label_sets         # all labels that apply, by the teacher\n",
    "classification": "  - override /generation: label              # the teacher's label for each text\n",
    "multiple_choice": "  - override /generation: chain_of_thought   # the teacher's answer to each question\n",
    "free_form": "  - override /generation: chain_of_thought   # the teacher's answer to each question\n",
}
_OBJECTIVE = """
objective:
  source: "{question}"       # the classifier reads the text alone
  target: "{answer}"
"""
_RULES = {
    "classification": """\
  choice_likelihood:
    prior: false
  calibration:
    temperature: fitted      # on dev
""",
    "several labels": "",
    "multiple_choice": "",
    "free_form": "",
    "with reasons": "",
}
_STEP = {
    "classification": "label",
    "several labels": "label_sets",
    "multiple_choice": "chain_of_thought",
    "free_form": "chain_of_thought",
}
_PROMPT = """
generation:
  steps:
    {step}:
      prompt:
{demos}
"""
_ROWS = """\
        demos: 8             # training rows that have {what}, drawn by generation.seed
        demonstrations: rows"""
_NONE = """\
        demos: 0             # the shipped demonstrations are of everyday things; with {what}: demonstrations: rows"""
NOTES = {
    "folder": "where the files are",
    "label_source": "of training labels: gold, teacher, or teacher_where_missing",
    "test_share": "of train, held out for the test by split_seed",
    "dev_share": "of dev_from",
    "labels": "columns name and description; null = the labels of the training rows",
    "split_by": "rows with one value of it stay in one split",
    "answer_form": "text, letter, index (from 0), number (from 1) or boolean",
}


def experiment_file(guess: Guess, name: str) -> str:
    """Return the YAML of an experiment."""
    lines = [
        "# @package _global_",
        f"# {name}: made by distillrun init, to be changed; distillrun --help task={guess.kind} shows every key.",
        "defaults:",
        f"  - override /task: {guess.kind}",
        _LEARNT[_way(guess)].rstrip("\n").format(scorer=guess.scorer),
    ]
    if guess.label_source != "gold":
        lines.append(_TAUGHT[_way(guess)].rstrip("\n"))
    if guess.scorer == "json_fields":
        lines.append("  - override /evaluation: [generated_answer, extraction]     # F1 of every field, too")
    lines += ["", f"name: {name}", "", "task:"]
    for key, value in guess.settings.items():
        lines += _setting(key, value)
    is_taught = guess.label_source != "gold"
    compares = is_taught and _way(guess) != "several labels"  # what is compared are answers of one label
    more = _OBJECTIVE if guess.kind == "classification" else ""
    return "\n".join(lines) + "\n" + (_prompt(guess) if compares else "") + more + _evaluation(_way(guess), compares)


def _way(guess: Guess) -> str:
    """Return how it is learnt: by its task, and by how many labels or which reasons a row has."""
    if guess.kind == "free_form" and guess.label_source == "gold" and guess.settings["fields"].get("rationale"):
        return "with reasons"
    return "several labels" if guess.settings.get("multi_label") else guess.kind


def _prompt(guess: Guess) -> str:
    """Return what the teacher is shown: solved rows where there are some, with their rationales where it reasons."""
    reasons = guess.kind != "classification"
    what = "a right answer and a rationale" if reasons else "a label"
    has_rows = guess.label_source == "teacher_where_missing" and (
        "rationale" in guess.settings["fields"] or not reasons
    )
    return _PROMPT.format(step=_STEP[_way(guess)], demos=(_ROWS if has_rows else _NONE).format(what=what))


def _evaluation(way: str, is_taught: bool) -> str:
    others = "the untrained student, and the teacher's own answers to the test questions"
    baselines = f"true         # {others}" if is_taught else f"false        # true: also {others}"
    return f"\nevaluation:\n  baselines: {baselines}\n{_RULES[way]}"


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
