"""`distillrun study`: asks people how good explanations are, and reads their answers."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

CONSTRUCTS = ("plausibility", "understandability", "completeness", "satisfaction", "contrastiveness")
RULES = ("bad-rows", "duplicates", "failed-checks")


def study(arguments: Sequence[str]) -> int:
    """Ask people how good explanations are: `design` writes questionnaires, `analyse` reads the answers."""
    given = study_parser().parse_args(arguments)
    if given.what == "design":
        return _design(given)
    return _analyse(given, shlex.join(["distillrun", "study", *arguments]))


def study_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser("distillrun study", description=study.__doc__)
    commands = parser.add_subparsers(dest="what", required=True, metavar="design|analyse")
    told = "Write a questionnaire for each rater, an empty table for other survey tools, and the key."
    _design_options(commands.add_parser("design", help=told, description=told))
    told = "Read the answers files of these questionnaires, or tables of any survey tool, and write a report."
    _analyse_options(commands.add_parser("analyse", help=told, description=told))
    return parser


def _design_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("runs", nargs="+", metavar="[NAME=]RUN", help="the folder of a run, and what to call its student")
    add("--raters", type=int, default=30, help="number of raters (default: 30)")
    add("--per-rater", type=int, default=12, help="explanations that each rater rates (default: 12)")
    add(
        "--questions",
        type=int,
        help="number of questions to use (default: as many as let each explanation be rated about twice)",
    )
    add("--only-right", action="store_true", help="use only questions that every student answered correctly")
    add("--attention-checks", type=int, default=1, help="attention checks for each rater (default: 1)")
    add(
        "--demographics",
        nargs="*",
        default=[],
        metavar="COLUMN",
        help="what to ask raters about themselves: age, gender, country, english",
    )
    add("--consent", type=Path, metavar="FILE", help="a text that raters must agree to first")
    add("--texts", type=Path, metavar="FILE", help="a YAML file that replaces the texts, such as a translation")
    add("--seed", type=int, default=0, help="seed of everything that is drawn at random (default: 0)")
    add("--out", type=Path, required=True, metavar="DIR", help="where to write")


def _analyse_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="ANSWERS", help="answers_*.json, or tables (.csv, .jsonl, .parquet)")
    add(
        "--key",
        type=Path,
        metavar="FILE",
        help="key.json of the design (default: looked for next to the answers and in the folders above)",
    )
    for name, what in (
        ("rater", "who rated"),
        ("model", "whose explanation it is"),
        ("item", "which explanation it is"),
    ):
        add(f"--{name}", default=name, metavar="COLUMN", help=f"column that says {what} (default: {name})")
    add(
        "--constructs",
        nargs="+",
        default=CONSTRUCTS,
        metavar="COLUMN",
        help="columns of the ratings (default: the five of the questionnaire)",
    )
    add(
        "--length",
        default="rationale_length",
        metavar="COLUMN",
        help="length of the explanation (default: rationale_length)",
    )
    told = "the point that an attention check asks for, in a row without a model (default: attention_check)"
    add("--check", default="attention_check", metavar="COLUMN", help=told)
    add(
        "--demographics",
        nargs="*",
        default=[],
        metavar="COLUMN",
        help="columns about the raters that enter a linear model",
    )
    told = "the model, or the level of a column, that linear models compare the others with (default: the first)"
    add("--reference", nargs="+", default=[], metavar="[COLUMN=]LEVEL", help=told)
    add("--drop", nargs="+", default=[], choices=RULES, metavar="RULE", help=f"rows to leave out: {', '.join(RULES)}")
    add("--outliers", choices=("none", "iqr"), default="none", help="which linear model comes first; both are shown")
    add(
        "--correction",
        choices=("holm", "bonferroni"),
        default="holm",
        help="correction of p for the number of pairs (default: holm)",
    )
    add("--out", type=Path, metavar="DIR", help="where to write (default: study_report next to the answers)")


def _design(given: argparse.Namespace) -> int:
    from distillrun.study.design import Request, design
    from distillrun.study.files import FOR_RATERS, KEY

    request = Request(
        given.runs,
        given.raters,
        given.per_rater,
        given.questions,
        given.only_right,
        given.attention_checks,
        given.demographics,
        given.consent,
        given.texts,
        given.seed,
        given.out,
    )
    told = design(request)
    sys.stdout.write(
        f"{told}\n{given.out / FOR_RATERS}: send these to the raters\n{given.out / KEY}: keep this to yourself\n"
    )
    return 0


def _analyse(given: argparse.Namespace, command: str) -> int:
    from distillrun.report.page.terminal import terminal
    from distillrun.study.answers import Columns
    from distillrun.study.writing import Request, write_analysis

    columns = Columns(
        given.rater, given.model, given.item, given.constructs, given.length, given.demographics, given.check
    )
    out = given.out or given.files[0].parent / "study_report"
    request = Request(
        given.files, given.key, columns, given.drop, given.reference, given.outliers, given.correction, out
    )
    page = write_analysis(request, command)
    sys.stdout.write(f"{terminal(page)}\nreport: {out}\n")
    return 0
