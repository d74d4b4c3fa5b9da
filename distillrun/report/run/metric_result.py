"""The results of the metrics: a section each, with its tables and curves."""

from collections.abc import Mapping
from functools import partial

from distillrun.records import Json
from distillrun.report.page.block import Block, Figure, Paragraph, Section, Table
from distillrun.report.page.chart import curves
from distillrun.report.run.scores import score_table
from distillrun.report.run.values import Values, finite, mapping, sequence
from distillrun.text.display import NOTHING, number, percent, shortened


def rule_section(rules: Values) -> Section | None:
    """Return what each score counts; None where nothing is known."""
    if not rules:
        return None
    return Section("What is counted", [Table(("", ""), [(name, str(rule)) for name, rule in rules.items()])])


def measured_scores(findings: Values) -> set[str]:
    """Return the names of the scores that measures found: they stand in the sections of these."""
    return {str(score) for found in findings.values() for score in sequence(mapping(found).get("scores"))}


def finding_sections(findings: Values, rules: Values, scores: Values) -> list[Section]:
    """Return a section for each measure."""
    sections = []
    for name, found in findings.items():
        note = str(mapping(found).get("note") or "")
        blocks: list[Block] = [Paragraph(note)] if note else []
        own = {str(score): scores[str(score)] for score in sequence(mapping(found).get("scores")) if score in scores}
        blocks += [score_table(own)] if own else []
        for table in sequence(mapping(found).get("tables")):
            blocks += _table(mapping(table))
        for curve in sequence(mapping(found).get("curves")):
            blocks += _curve(mapping(curve))
        if blocks:
            rule = [Paragraph(str(rules[name]))] if name in rules else []
            sections.append(Section(name.replace("_", " ").capitalize(), [*rule, *blocks]))
    return sections


def _table(table: Values) -> list[Block]:
    columns = [str(column) for column in sequence(table.get("columns"))]
    shares = [column in sequence(table.get("shares")) for column in columns]
    rows = [[*map(_cell, sequence(row), shares)] for row in sequence(table.get("rows"))]
    right = frozenset(
        place
        for place in range(1, len(columns))
        if not any(isinstance(sequence(row)[place], str) for row in sequence(table.get("rows")))
    )
    heads = [f"{name}, %" if share else name for name, share in zip(columns, shares, strict=True)]
    return [*_heading(table), Table(heads, rows, right)] if rows else []


def _curve(curve: Values) -> list[Block]:
    lines = {str(name): _points(points) for name, points in mapping(curve.get("lines")).items()}
    drawn = {name: points for name, points in lines.items() if points}
    if not drawn:
        return []
    axis = str(curve.get("axis") or "")
    rows = [[name, f"{x:g}", percent(y)] for name, points in drawn.items() for x, y in points]
    table = Table(("line", axis, "value"), rows, frozenset({1, 2}))
    caption = str(curve.get("note") or curve.get("title") or "")
    return [*_heading({"title": curve.get("title")}), Figure(partial(curves, drawn, True, axis=axis), caption, table)]


def _points(points: Json) -> list[tuple[float, float]]:
    pairs = [[finite(value) for value in sequence(point)] for point in sequence(points)]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and pair[0] is not None and pair[1] is not None]


def _heading(values: Mapping[str, Json]) -> list[Block]:
    text = ". ".join(str(part).rstrip(".") for part in (values.get("title"), values.get("note")) if part)
    return [Paragraph(f"{text}.")] if text else []


def _cell(cell: Json, is_share: bool) -> str:
    if cell is None:
        return NOTHING
    if is_share and (share := finite(cell)) is not None:
        return f"{100 * share:.1f}"
    return f"{cell:.3f}" if isinstance(cell, float) else shortened(cell) if isinstance(cell, str) else number(cell)
