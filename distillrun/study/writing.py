"""The report of a study, written whole or not at all."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from distillrun.errors import ConfigError, nearest
from distillrun.files.folder import make_folder
from distillrun.files.inside import write_whole
from distillrun.report.comparison.writing import plain_numbers
from distillrun.report.page.block import Page
from distillrun.report.page.files import write_page
from distillrun.study.analysis import Correction, analyse
from distillrun.study.answers import Columns, read_answers
from distillrun.study.page import study_page
from distillrun.study.predictors import MODEL, levels
from distillrun.study.ratings import Ratings, Rule, checked


@dataclass(frozen=True, slots=True)
class Request:
    """The request to `distillrun study analyse`.

    Attributes:
        files, key, columns: as in `read_answers`.
        rules: which rows are left out.
        references: LEVEL of the model, or COLUMN=LEVEL of raters, that linear models compare with.
        outliers: none or iqr: which linear model leads.
        correction: of pairs.
        out: the folder.
    """

    files: Sequence[Path]
    key: Path | None
    columns: Columns
    rules: Sequence[Rule]
    references: Sequence[str]
    outliers: str
    correction: Correction
    out: Path


def write_analysis(request: Request, command: str) -> Page:
    """Write `report.html`, `report.md`, `report.json`, `tables/` and `plots/` into a folder, and return the page.

    Raises:
        ConfigError: the answers cannot be used; nothing is written then.
    """
    read = read_answers(request.files, request.key, request.columns)
    ratings = checked(read.answers, read.constructs, request.rules)
    references = _references(request.references, ratings, read.about)
    made = analyse(ratings, read.about, references, request.correction)
    page = study_page(ratings, made, request.outliers, request.correction, command)
    values = {
        "command": command,
        "ratings": len(ratings.rows),
        "raters": len({row.rater for row in ratings.rows}),
        "models": ratings.models,
        "notes": list(ratings.notes),
        "outliers": request.outliers,
        "correction": request.correction,
        **asdict(made),
    }
    make_folder(request.out, "--out")
    write_whole(request.out, "report.json", json.dumps(plain_numbers(values), indent=1, ensure_ascii=False) + "\n")
    write_page(request.out, page)
    return page


def _references(given: Sequence[str], ratings: Ratings, about: Sequence[str]) -> dict[str, str]:
    """Return the levels to compare with by predictor, spelt as in the answers."""
    found = {}
    for text in given:
        column, equals, level = text.partition("=")
        if not equals or text in ratings.models:
            column, level = MODEL, text
        if column not in (MODEL, *about):
            known = ", ".join((MODEL, *about))
            raise ConfigError(f"--reference {text}: there is no {column}{nearest(column, about)}; there are {known}")
        known_levels = levels(ratings.rows, column)
        found[column] = next((one for one in known_levels if one.casefold() == level.casefold()), "")
        if not found[column]:
            listed = ", ".join(known_levels) or "numbers only"
            raise ConfigError(
                f"--reference {text}: no {column} is called so{nearest(level, known_levels)}; there are {listed}"
            )
    return found
