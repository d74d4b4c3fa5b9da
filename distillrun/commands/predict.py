"""`distillrun predict`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def predict(arguments: Sequence[str]) -> int:
    """Ask the student of a finished run one question."""
    given = predict_parser().parse_args(arguments)
    from distillrun.pipeline.predict import check_choices, load_student
    from distillrun.text.display import plain

    check_choices(given.choices)
    prediction = load_student(given.run, given.allow).predict(given.question, given.choices)
    answer = "unparsed" if prediction.choice is None else given.choices[prediction.choice]
    sys.stdout.write(
        f"answer: {plain(answer)}\nexplanation: {plain(prediction.rationale)}\ntext: {plain(prediction.text)}\n"
    )
    return 0


def predict_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("distillrun predict", description=predict.__doc__)
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="a run's folder, with config.yaml and student/")
    parser.add_argument("question", help="its text, without the choices")
    parser.add_argument("--choices", nargs="+", required=True, metavar="CHOICE", help="two or more")
    parser.add_argument("--allow", action="append", default=[], metavar="MODULE", help="as runtime.allow_targets")
    return parser
