"""The words of other tools, and their equivalents here."""

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

import yaml

from distillrun.config.compose import conf_folder
from distillrun.errors import ConfigError, nearest

STUDENT = (
    "the model that learns is the student: student=t5_base, or student=t5_base student.checkpoint=FOLDER_OR_HUB_NAME"
)
TEACHER = "choose the teacher first: teacher=local teacher.checkpoint=FOLDER_OR_HUB_NAME, or teacher=api"
KEY = "keys are read from the environment: teacher=api teacher.api_key_env=NAME_OF_THE_VARIABLE"
STEPS = "training.max_steps counts optimizer steps, each of training.examples_per_step examples"

KEYS = {
    "lr": "training.learning_rate",
    "learning_rate": "training.learning_rate",
    "batch_size": "training.examples_per_step",
    "train_batch_size": "training.examples_per_step",
    "per_device_train_batch_size": "training.examples_per_step",
    "steps": "training.max_steps",
    "seed": "training.seed",
    "bf16": "training.precision",
    "fp16": "training.precision",
    "max_length": "student.max_source_tokens",
    "max_seq_length": "student.max_source_tokens",
    "device": "runtime.device",
    "gpu": "runtime.device",
    "loss": "objective",
    "dataset": "task",
    "data": "task",
    "benchmark": "task",
    "logger": "tracking",
    "report_to": "tracking",
    "limit": "task.limit",
    "output_dir": "paths.run",
    "out": "paths.run",
    "output": "paths.run",
    "cache_dir": "paths.store",
}
"""A wrong key, or the end of one -> the right one."""

CURES = {
    "api_key": KEY,
    "model": STUDENT,
    "model_name": STUDENT,
    "model_name_or_path": STUDENT,
    "student_model": STUDENT,
    "teacher_model": TEACHER,
    "epochs": STEPS,
    "num_epochs": STEPS,
    "num_train_epochs": STEPS,
}
"""A wrong key, or the end of one -> what to do."""

OPTIONS = {
    "csqa": "commonsenseqa",
    "cqa": "commonsenseqa",
    "commonsense_qa": "commonsenseqa",
    "csv": "multiple_choice",
    "openai": "api",
    "huggingface": "local",
    "hf": "local",
    "none": "jsonl",
    "off": "jsonl",
    "accuracy": "generated_answer",
    "loglikelihood": "choice_likelihood",
    "kd": "forward_kl",
    "kl": "forward_kl",
    "sft": "label_only",
    "gkd": "on_policy",
    "distilling_step_by_step": "multitask",
    "t5": "t5_base",
}
"""A wrong option of any group -> the right one."""

EXAMPLES = {"student": "t5_base", "teacher": "local"}
"""The option of a group that an example names where several have a setting."""


def cure_of(key: str) -> str:
    """Return what to say to a key that is not there, where another tool's word for it is known; else nothing."""
    last = key.rpartition(".")[2].replace("-", "_")
    if last in CURES and (last == "api_key" or key.split(".")[0] not in ("teacher", "student")):
        return f"; {CURES[last]}"
    right = KEYS.get(last, "")
    is_meant = "." not in key or key.split(".")[0] == right.split(".")[0]
    return f" (did you mean {right}?)" if right and is_meant else ""


def option_of(option: str, known: Collection[str]) -> str:
    """Return " (did you mean ...?)" for an option that is not there."""
    meant = OPTIONS.get(option.lower().replace("-", "_"), "")
    return f" (did you mean '{meant}'?)" if meant in known else nearest(option, known)


def owners(key: str, value: str, config_dir: str | None) -> str:
    """Return which other options of its group have a setting, with an example; nothing where none has."""
    group, _, setting = key.partition(".")
    folders = [root / group for root in (conf_folder(), Path(config_dir or conf_folder()))]
    files = sorted({file for folder in folders for file in folder.glob("*.yaml")})
    having = [file.stem for file in files if setting in _keys(file)]
    if not having or not setting:
        return ""
    example = EXAMPLES.get(group, "")
    example = example if example in having else having[0]
    shown = value if value and setting == "checkpoint" else "..."
    return f"; it belongs to {group}={', '.join(having)}, such as {group}={example} {key}={shown}"


def check_blanks(given: Sequence[str]) -> None:
    """Refuse a command line with blanks around =, or with a group where a command stands. Raises ConfigError."""
    for place, word in enumerate(given):
        before, after = (given[other] if 0 <= other < len(given) else "" for other in (place - 1, place + 1))
        if word.startswith("="):
            wrong, right = f"{before} {word} {'' if word[1:] else after}".strip(), f"{before}={word[1:] or after}"
        elif re.fullmatch(r"[\w.@/]+=", word) and re.fullmatch(r"[\w./+][\w./+-]*", after):
            wrong, right = f"{word} {after}", f"{word}{after}"
        elif place == 0 and re.fullmatch(r"[a-z]+", word) and _is_group(word) and "=" not in after:
            raise ConfigError(f"{word} is a setting, not a command; write {word}={after or 'OPTION'}")
        else:
            continue
        raise ConfigError(f"{wrong}: blanks around = make several words; write {right}")


def check_flags(given: Sequence[str], flags: Collection[str]) -> None:
    """Refuse flags other than those that there are, and say how a setting is written. Raises ConfigError."""
    for word, after in pairwise([*given, ""]):
        flag = word.partition("=")[0]
        if re.match(r"--\w", word) and not any(known.startswith(flag) for known in flags):
            raise ConfigError(f"there is no flag {flag}{_setting(word, after)}")


def _is_group(word: str) -> bool:
    return (conf_folder() / word).is_dir()


def _setting(word: str, after: str) -> str:
    """Return how the setting is written that a flag was meant to be."""
    flag, _, value = word.lstrip("-").partition("=")
    name = flag.replace("-", "_")
    if name in CURES:
        return f"; {CURES[name]}"
    key = KEYS.get(name, name)
    if not _is_group(key.split(".")[0]):
        return "; settings are written KEY=VALUE; distillrun --help lists them and the flags"
    if not value and re.fullmatch(r"[\w./+][\w./+-]*", after):
        value = after
    return f"; settings are written KEY=VALUE: {key}={value or 'VALUE'}"


def _keys(file: Path) -> set[str]:
    try:
        node = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return set()
    return set(map(str, node)) if isinstance(node, dict) else set()
