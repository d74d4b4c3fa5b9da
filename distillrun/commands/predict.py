"""`distillrun predict`: asks the student of a finished run."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from distillrun.errors import ConfigError


def predict(arguments: Sequence[str]) -> int:
    """Ask the student of a finished run one question, or those of a file."""
    given = predict_parser().parse_args(arguments)
    if (given.question is None) == (given.file is None) or (given.file is None) != (given.out is None):
        raise ConfigError("give a question, or --file IN --out OUT.csv")
    if given.file is not None:
        return _predict_file(given.run, given.allow, given.file, given.out)
    from distillrun.interfaces import FreeFormTask, LabelTask, has_label_sets
    from distillrun.pipeline.predict import check_choices, load_student
    from distillrun.records import Example, answer_text
    from distillrun.text.display import plain

    if given.choices is not None:
        check_choices(given.choices)
    student = load_student(given.run, given.allow)
    choices = tuple(given.choices or ())
    if isinstance(student.task, LabelTask) and not choices:
        choices = tuple(student.task.labels())
    elif not choices and not isinstance(student.task, FreeFormTask):
        raise ConfigError("--choices are missing: the questions of this run's task have choices of their own")
    asked = Example("question", given.question, choices, None)
    if has_label_sets(student.task):
        (found,) = student.label_sets([asked])
        sys.stdout.write("".join(f"label: {plain(name)} ({sure:.3f})\n" for name, sure in found) or "no label\n")
        return 0
    prediction = student.predict(given.question, choices)
    answer = "unparsed" if prediction.choice is None else answer_text(asked, prediction.choice)
    sys.stdout.write(
        f"answer: {plain(answer)}\nexplanation: {plain(prediction.rationale)}\ntext: {plain(prediction.text)}\n"
    )
    return 0


def _predict_file(run: Path, allowed: Sequence[str], file: Path, out: Path) -> int:
    from distillrun.config.schema import Progress
    from distillrun.pipeline.predict import load_student
    from distillrun.pipeline.predict_file import predict_file

    asked, there = predict_file(load_student(run, allowed), run.resolve().name, file, out, Progress.auto)
    again = f", {there} already there" if there else ""
    sys.stdout.write(f"{asked} rows answered{again}: {out}\n")
    return 0


def predict_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("distillrun predict", description=predict.__doc__)
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="a run's folder, with config.yaml and student/")
    parser.add_argument("question", nargs="?", help="the text of one question, without its choices")
    parser.add_argument(
        "--choices", nargs="+", metavar="CHOICE", help="two or more; not needed after task=classification and free_form"
    )
    parser.add_argument(
        "--file", type=Path, metavar="IN", help="a table with the columns of the run's task; answers are not needed"
    )
    parser.add_argument(
        "--out", type=Path, metavar="OUT", help="a CSV of the rows and the answers; one that exists is continued"
    )
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module of your own code that the run used, as in runtime.allow_targets; may be repeated",
    )
    return parser
