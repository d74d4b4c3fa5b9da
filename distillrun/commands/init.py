"""`distillrun init`."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from distillrun.config.compose import conf_folder
from distillrun.errors import ConfigError

LOCAL = "teacher=local teacher.checkpoint=DIR"


def init(arguments: Sequence[str]) -> int:
    """Look at a user's files, write an experiment file that reads them, and say what to run next."""
    given = init_parser().parse_args(arguments)
    from distillrun.files.disk import named
    from distillrun.files.inside import write_whole
    from distillrun.intake.checked import checked, setting_of
    from distillrun.intake.experiment_file import experiment_file
    from distillrun.intake.guess import guess
    from distillrun.intake.survey import survey
    from distillrun.intake.tables import tables_of
    from distillrun.text.display import plain

    words = [word for word in given.files if not word.startswith("task.")]
    name = given.name or _name(words)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ConfigError(f"--name {name!r} becomes the name of a file; use letters, digits, '_' and '-'")
    if (conf_folder() / "experiment" / f"{name}.yaml").exists():
        raise ConfigError(
            f"experiment={name} is the name of a shipped experiment, which takes precedence; give another --name"
        )
    place = Path("experiment", f"{name}.yaml")
    if (given.out / place).exists() and not given.force:
        raise ConfigError(f"{given.out / place} already exists; give another --name, or --force to overwrite it")
    found = guess(tables_of(words, given.encoding), given.task, given.text, given.label, given.encoding)
    for word in given.files:
        if word.startswith("task."):
            found.settings |= setting_of(word, found.settings)
    task, splits, threshold = checked(found)
    _say(plain("\n".join([*found.reasons, "", *survey(task, splits, threshold)])))
    with named(given.out.absolute()):
        given.out.mkdir(parents=True, exist_ok=True)
    write_whole(given.out, str(place), experiment_file(found, name))
    command = f"distillrun --config-dir {given.out} experiment={name}"
    _say(f"\nwritten: {given.out / place}\nnext:\n  {command} until=load        reads the files as a run would")
    if found.label_source == "gold":
        _say(f"  {command}                   trains a first student")
        return 0
    teacher = "teacher=api teacher.base_url=URL teacher.model=NAME teacher.api_key_env=VARIABLE"
    price = "teacher.price_per_million.input=P teacher.price_per_million.output=P teacher.budget.usd=1"
    _say(f"  distillrun plan --config-dir {given.out} experiment={name} {teacher} {price}")
    _say("      says what that asks and costs; without `plan`, the teacher labels the texts and a student is trained")
    _say(f"      (with {LOCAL} instead, a model on this machine labels them)")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _name(words: Sequence[str]) -> str:
    """Return a name for the experiment: that of the folder of the first file."""
    first = Path(words[0].partition("=")[2] or words[0]).resolve()
    found = first.name if first.is_dir() else first.parent.name
    name = re.sub(r"\W+", "_", found, flags=re.ASCII).strip("_").lower() or "mine"
    return f"my_{name}" if (conf_folder() / "experiment" / f"{name}.yaml").exists() else name


def init_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("distillrun init", description=init.__doc__)
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="tables, or the folder that holds them; train=, dev=, test= or labels= in front of one says what it is, "
        "and task.KEY=VALUE sets what the files leave open",
    )
    parser.add_argument("--name", help="name of the experiment (default: that of the folder of the files)")
    parser.add_argument(
        "--out", type=Path, default=Path("my_conf"), metavar="DIR", help="config folder (default: my_conf)"
    )
    parser.add_argument(
        "--task",
        choices=("classification", "multiple_choice"),
        help="the kind of task (default: worked out from the files)",
    )
    parser.add_argument("--text", metavar="COLUMN", help="the column of the texts or questions")
    parser.add_argument("--label", metavar="COLUMN", help="the column of the labels or answers")
    parser.add_argument("--encoding", help="encoding of text files that are not UTF-8, such as cp1252")
    parser.add_argument("--force", action="store_true", help="overwrite an experiment file of that name")
    return parser
