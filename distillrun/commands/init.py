"""`distillrun init`: looks at a user's files and writes an experiment that reads them."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    settings: dict[str, Any] = {}
    for word in given.files:
        if word.startswith("task."):
            settings |= setting_of(word, settings)
    encoding = given.encoding or settings.get("encoding")
    try:
        found = guess(tables_of(words, encoding), given.task, given.text, given.label, encoding)
        for key, value in settings.items():
            own = found.settings.get(key)
            found.settings[key] = {**own, **value} if isinstance(own, dict) and isinstance(value, dict) else value
        task, splits, threshold = checked(found)
    except ConfigError as error:
        hint = "\n(a setting of the task is added as a word: task.KEY=VALUE)" if "task." in str(error) else ""
        raise ConfigError(f"{error}{hint}") from error
    found.reasons += [
        f"{key}: {told}" for key, told in task.source().items() if key in ("labels are read as", "answers")
    ]
    seen = list(survey(task, splits, threshold))
    if not given.json:
        _say(plain("\n".join([*found.reasons, "", *seen])))
    with named(given.out.absolute()):
        given.out.mkdir(parents=True, exist_ok=True)
    write_whole(given.out, str(place), experiment_file(found, name))
    steps = _next(f"--config-dir {given.out} experiment={name}", found.label_source == "gold")
    if given.json:
        about = {"task": found.kind, "settings": found.settings, "reasons": found.reasons, "survey": seen}
        _say(
            json.dumps({**about, "written": str(given.out / place), "next": dict(steps)}, ensure_ascii=False, indent=2)
        )
        return 0
    _say(f"\nwritten: {given.out / place}\nnext:")
    for command, what in steps:
        _say(f"  {command}\n      {what}")
    return 0


def _next(words: str, is_labelled: bool) -> list[tuple[str, str]]:
    """Return the commands to go on with, each with what it does."""
    load = (f"distillrun {words} until=load", "reads the files as a run would")
    if is_labelled:
        return [load, (f"distillrun {words}", "trains a first student")]
    teacher = "teacher=api teacher.base_url=URL teacher.model=NAME teacher.api_key_env=VARIABLE"
    price = "teacher.price_per_million.input=P teacher.price_per_million.output=P teacher.budget.usd=1"
    return [
        load,
        (f"distillrun plan {words} {teacher} {price}", "says what that asks and costs"),
        (f"distillrun {words} {teacher} {price}", "the teacher labels the texts, and a student is trained"),
        (f"distillrun {words} {LOCAL}", "the same with a model on this machine as the teacher"),
    ]


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
        choices=("classification", "multiple_choice", "free_form"),
        help="the kind of task (default: worked out from the files)",
    )
    parser.add_argument("--text", metavar="COLUMN", help="the column of the texts or questions")
    parser.add_argument("--label", metavar="COLUMN", help="the column of the labels or answers")
    parser.add_argument("--encoding", help="encoding of text files that are not UTF-8, such as cp1252")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--force", action="store_true", help="overwrite an experiment file of that name")
    return parser
