"""The report of a table: its page, and the same numbers as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distillrun.files.inside import write_whole
from distillrun.report.comparison.compare import Comparison, Observation, cells_of, compare, without_outliers
from distillrun.report.comparison.sections import comparison_sections, outlier_section
from distillrun.report.comparison.table import Observations
from distillrun.report.comparison.words import change_sentences, test_phrase
from distillrun.report.page.block import Block, Code, Page, Paragraph, Section, Table
from distillrun.report.page.files import write_page
from distillrun.statistics.collapse import collapsed
from distillrun.text.display import shortened


@dataclass(frozen=True, slots=True)
class TableReport:
    """The report of a table, before anything is written."""

    page: Page
    values: Mapping[str, Any]


def table_report(read: Observations, value: str, rule: str, chance: float, command: str) -> TableReport:
    """Return the report of a table.

    Args:
        read: its observations.
        value: what was measured.
        rule: none or iqr: which result leads; both are there.
        chance: what guessing would score, in the unit of the table.
        command: what made the report, to repeat it.
    """
    rest, gone = without_outliers(read.rows)
    whole, kept = compare(read.factors, read.rows), compare(read.factors, rest)
    leading = kept if rule == "iqr" else whole
    fallen = _collapsed(read, chance)
    unit = "%" if read.scale == 100 else ""
    used = f"{whole.n} of {read.of} rows in {len(whole.cells)} cells"
    used += f", {kept.n} of them after the outlier rule" if leading is kept else ""
    blocks: list[Block] = [
        Paragraph(f"{value} by {' and '.join(read.factors)}: {used}."),
        *([Paragraph("Values are shares, shown in percent.")] if unit else []),
        Paragraph(
            "Each row counts as one run. If several rows belong to one run (its questions, say, or its checkpoints), "
            "average them first, or every test finds differences too easily."
        ),
        Code(shortened(command)),
    ]
    if gone:
        told = "taken out" if rule == "iqr" else "kept"
        rows = [(" ".join(one.levels), f"{one.value:.4f}", one.where) for one in gone]
        blocks += [
            Paragraph(f"Outlying runs, {told}:"),
            Table(("cell", value, "row"), rows, frozenset({1}), "outlying"),
        ]
    if fallen:
        listed = "; ".join(f"{' '.join(one.levels)} with {one.value:.2f} ({one.where})" for one in fallen)
        intro = "Collapsed runs, more than a quarter below their cell's median run, counted from chance"
        blocks.append(Paragraph(f"{intro} ({chance * read.scale:g}): {listed}.", "bad"))
    values = {
        "command": command,
        "value": value,
        "factors": list(read.factors),
        "rows": {"in the table": read.of, "compared": whole.n, "outlying": [one.where for one in gone]},
        "scale": read.scale,
        "outliers": rule,
        "collapsed": [one.where for one in fallen],
        "all": asdict(whole),
        "without_outliers": asdict(kept),
        "turned_by_the_outlier_rule": change_sentences(whole, kept),
    }
    page = Page(
        title=f"{value} by {' and '.join(read.factors)}",
        status="without outlying runs" if rule == "iqr" else "all runs",
        state="plain",
        summary=_summary(leading),
        sections=[
            Section("What was compared", blocks),
            *comparison_sections(leading, unit),
            outlier_section(whole, kept),
        ],
        wide=True,
    )
    return TableReport(page, plain_numbers(values))


def write_table_report(made: TableReport, out: Path) -> None:
    """Write `report.json`, `report.md`, `report.html` and `tables/` into a folder that is there."""
    write_whole(out, "report.json", json.dumps(made.values, indent=1, ensure_ascii=False) + "\n")
    write_page(out, made.page)


def _summary(made: Comparison) -> str:
    if made.variance is None:
        return made.untested
    df = made.variance.residual_df
    return "; ".join(f"{' × '.join(effect.factors)}: {test_phrase(effect, df)}" for effect in made.variance.effects)


def _collapsed(read: Observations, chance: float) -> list[Observation]:
    return [
        one
        for own in cells_of(read.rows).values()
        for one, fell in zip(own, collapsed([each.value for each in own], chance * read.scale), strict=True)
        if fell
    ]


def plain_numbers(value: Any) -> Any:
    """Return a value that JSON can hold: null for a number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_numbers(item) for item in value]
    return value
