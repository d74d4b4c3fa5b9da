"""From answers to a report, written whole or not at all."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from distillrun.comparison.writing import plain_numbers
from distillrun.errors import ConfigError, nearest
from distillrun.folder import make_folder, write_whole
from distillrun.report.block import Page
from distillrun.report.files import write_page
from distillrun.study.analysis import Correction, analyse
from distillrun.study.answers import Columns, read_answers
from distillrun.study.page import study_page
from distillrun.study.ratings import Rule, checked


@dataclass(frozen=True, slots=True)
class Request:
    """What `distillrun study analyse` was asked for.

    Attributes:
        files, key, columns: as in `read_answers`.
        rules: which rows are left out.
        reference: the model that the linear models compare with; None = the first in alphabetical order.
        outliers: none or iqr: which linear model leads.
        correction: of pairs.
        out: the folder.
    """

    files: Sequence[Path]
    key: Path | None
    columns: Columns
    rules: Sequence[Rule]
    reference: str | None
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
    if request.reference is not None and request.reference not in ratings.models:
        known = ", ".join(ratings.models)
        raise ConfigError(
            f"--reference {request.reference}: no model is called so{nearest(request.reference, ratings.models)}; "
            f"there are {known}"
        )
    made = analyse(ratings, read.about, request.reference, request.correction)
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
    write_whole(request.out / "report.json", json.dumps(plain_numbers(values), indent=1, ensure_ascii=False) + "\n")
    write_page(request.out, page)
    return page
