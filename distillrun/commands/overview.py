"""The text of `distillrun --help`: every command, flag and option, each with its YAML's first line.

Options are read as text, so nothing is composed, and a folder of the user's own is shown like the shipped one.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from distillrun.config.compose import conf_folder
from distillrun.errors import ConfigError, nearest

HEADER = """\
distillrun runs a knowledge-distillation experiment: load -> generate -> train -> evaluate -> report.

  distillrun                                         the default experiment, offline, in about two minutes
  distillrun task=commonsenseqa task.folder=DIR teacher=recorded teacher.folder=DIR generation=recorded
  distillrun -m objective=label_only,multitask training.seed=0,1,2    a sweep: every combination, one job each

Commands (distillrun COMMAND --help lists what each takes):
  distillrun init FILE ...                           look at your own files, and write an experiment that reads them
  distillrun plan KEY=VALUE ...                      what a run would do, ask of its teacher, and cost
  distillrun predict RUN_FOLDER "question" --choices a b c d e        ask a trained student
  distillrun predict RUN_FOLDER --file IN --out OUT.csv               the same for each row of a file
  distillrun report SWEEP_FOLDER ... | --table FILE  compare runs: tables, tests, plots
  distillrun runs TEXT ...                           list the runs and sweeps so far, and write a page of links
  distillrun study design | analyse                  explanations rated by people: questionnaires, and their analysis
  distillrun store list | prune                      list what finished stages take up on disk, and free it

Flags:
  -m, --multirun         run a sweep: several values with commas
  --config-dir DIR       add a folder of your own options, laid out like the groups below
  --cfg job              print the composed config and stop
  --help GROUP           the options of one group in full; GROUP=OPTION: the settings of one option
  --hydra-help           Hydra's own flags
  --shell-completion install=bash    print the completion script for bash, zsh or fish: eval "$(distillrun ...)"
  --version              print the version

Settings are KEY=VALUE, such as until=generate or training.max_steps=200; --cfg job shows all. Options are GROUP=OPTION:
"""
FOOTER = """\
Exit codes: 0 done, 1 a job failed, 2 the config is wrong, 3 the budget is spent, 130 interrupted.
"""
GROUPS = {
    "task": "where the questions come from",
    "scorer": "what is right among answers in free form; inside a task, such as scorer@task.scorer=numeric",
    "teacher": "who writes the training data, or whose recorded data is read",
    "generation": "what the teacher is asked for; takes a list, such as generation=[a,b]",
    "student": "the model that learns",
    "objective": "what the student learns, and with which loss",
    "evaluation": "how the student is scored and measured; takes a list, such as evaluation=[a,b]",
    "training": "steps, rates and batches",
    "runtime": "where and how fast a run computes",
    "tracking": "where metrics go in addition to the run's folder",
    "experiment": "files that change several groups at once",
    "hydra/launcher": "where the jobs of a sweep run",
    "hydra/sweeper": "how the jobs of a sweep are chosen",
    "text": "texts that models and raters read, used by options of other groups",
}


def help_text(asked: Sequence[str], config_dir: str | None) -> str:
    """Return what `--help` prints.

    Args:
        asked: groups and GROUP=OPTION that are shown in full; the overview where it is empty.
        config_dir: a folder of the user's own options.

    Raises:
        ConfigError: something is asked for that there is not.
    """
    folders = [conf_folder(), *([Path(config_dir)] if config_dir else [])]
    if asked:
        return "\n".join(_detail(word, folders) for word in asked)
    groups = "\n".join(_listed(group, folders, in_full=False) for group in GROUPS)
    return f"{HEADER}\n{groups}\n{FOOTER}"


def options_of(group: str, folders: Sequence[Path]) -> dict[str, Path]:
    """Return the options of a group by name, those in folders of it as FOLDER/NAME."""
    roots = [folder / group for folder in reversed(folders)]
    found = {file.relative_to(root).with_suffix("").as_posix(): file for root in roots for file in root.rglob("*.yaml")}
    return dict(sorted(found.items()))


def sentence_of(file: Path) -> str:
    """Return what the first comment of an option's file says."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    comments = (line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    return next((line for line in comments if not line.startswith("@package")), "")


def _listed(group: str, folders: Sequence[Path], in_full: bool) -> str:
    lines = [f"{group}: {GROUPS.get(group, 'a group of your own')}"]
    for name, file in options_of(group, folders).items():
        told = sentence_of(file)
        lines.append(
            f"  {name:<22} {told if in_full else re.split(r'(?<=[.?!]) (?=[A-Z]|arXiv:|https:)', told)[0]}".rstrip()
        )
    return "\n".join(lines) + "\n"


def _detail(word: str, folders: Sequence[Path]) -> str:
    group, _, name = word.partition("=")
    known = options_of(group, folders)
    if not known:
        raise ConfigError(f"--help {word}: there is no group {group}{nearest(group, GROUPS)}; {', '.join(GROUPS)}")
    if not name:
        return _listed(group, folders, in_full=True)
    if name not in known:
        raise ConfigError(f"--help {word}: there is no {group}={name}{nearest(name, known)}")
    lines = known[name].read_text(encoding="utf-8", errors="replace").splitlines()
    package = next((line.split()[-1] for line in lines if line.startswith("# @package")), group.replace("/", "."))
    place = "" if package == "_global_" else f"{package}."
    shown = [f"  {line}".rstrip() for line in lines if not line.startswith(("# @package", "_target_:"))]
    return "\n".join([f"{word}; its settings are written {place}KEY=VALUE", *shown]) + "\n"
