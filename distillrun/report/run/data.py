"""The teacher's data on a page: counts as tables, lengths as bars."""

from collections.abc import Mapping
from functools import partial

from distillrun.records import Json
from distillrun.report.page.block import Block, Figure, Paragraph, Section, Table
from distillrun.report.page.chart import bars
from distillrun.report.run.steps import step_tables
from distillrun.report.run.values import Values, finite, mapping, sequence
from distillrun.text.display import number, percent

PARTS: Mapping[str, str] = {
    "steps": "Generation",
    "rationales by teacher": "Generation",
    "rationales by origin": "Generation",
    "failures": "Generation",
    "failures, one of each": "Generation",
    "rationales": "Rationales",
    "words": "Rationales",
    "self-evaluation": "The teacher's own judgement",
    "the teacher's own answers": "The teacher's own judgement",
    "agreement": "The teacher's own judgement",
    "choice scores": "The teacher's own judgement",
    "label noise": "The teacher's labels",
}
"""The section of each part of the data card; all others stand under "Data"."""

SHARES = ("name ", "hold ", "deny ", "refuse", "empty", "cut off", "run on", "accuracy", "mean agreement")
"""How the names of shares begin, which are written as percentages where they are fractions."""

NOTES: Mapping[str, str] = {
    "rationales": "Shares of all rationales of a kind. Deny: they contradict the choice that they argue for. Cut off: "
    "they end at the token limit or without a full stop. Run on: the teacher wrote more than was kept.",
    "self-evaluation": "The teacher's verdicts on its own rationales.",
    "cut texts": "Texts that the student reads or writes only in part, because they have more tokens than its setting "
    "allows; longest is in tokens.",
    "label noise": "How often the teacher's answer is right, on questions whose right answer is known: overall, and by "
    "how sure the teacher was. Agreement: the share of its samples that give the same answer.",
}


def data_sections(data: Values) -> list[Section]:
    """Return the data card: plain counts as one table, each mapping of mappings as one with a row for each measure."""
    blocks: dict[str, list[Block]] = {"Data": []}
    flat: dict[str, Json] = {}
    for name, value in data.items():
        inner = mapping(value)
        if not inner:
            flat[name] = value
            continue
        part = blocks.setdefault(PARTS.get(name, "Data"), [])
        if name in NOTES:
            part.append(Paragraph(NOTES[name]))
        part += _leaks(inner) if name == "questions" else []
        part += _blocks(name, inner)
    if flat:
        blocks["Data"].insert(0, pairs(flat))
    return [Section(title, found) for title, found in blocks.items() if found]


def _leaks(questions: Values) -> list[Paragraph]:
    """Return a warning for each split that tests a student on questions that it, or its selection, has seen."""
    return [
        Paragraph(f"{number(count)} of {number(mapping(counts).get('questions'))} {split} {what} {other}{why}", "bad")
        for split, counts in questions.items()
        for other in ("train", "dev")
        for key, what, why in (
            ("also in", "questions are also in", ": their answers may be memorised."),
            ("nearly in", "questions are nearly the same as one of", ": scores on the others are called untouched."),
        )
        if (count := mapping(counts).get(f"{key} {other}"))
    ]


def pairs(values: Values) -> Table:
    """Return a table of names and values."""
    return Table(("", ""), [(name, number(value)) for name, value in values.items()])


def flattened(name: str, value: Json) -> dict[str, Json]:
    """Return the leaves of nested mappings by their paths."""
    inner = mapping(value)
    if not inner:
        return {name: value}
    leaves: dict[str, Json] = {}
    for key, item in inner.items():
        leaves |= flattened(f"{name}/{key}" if name else key, item)
    return leaves


def _blocks(name: str, inner: Values) -> list[Block]:
    if name == "words":
        return [
            _histogram(mapping(counts), f"words of {kind} rationales", f"Length of {kind} rationales, in words.")
            for kind, counts in inner.items()
        ]
    if name == "agreement":
        caption = "Share of the teacher's answers to a question that agree with its most frequent answer."
        return [_histogram(inner, name, caption)]
    if name == "label noise":
        return [_rows("labels", inner)]
    if name == "steps":
        return [*step_tables(inner)]
    if all(isinstance(cells, dict) for cells in inner.values()):
        return [_grid(name, inner)]
    texts = any(isinstance(item, str) for item in inner.values())
    rows = [(key, _cell(key, item)) for key, item in inner.items()]
    return [Table((name, ""), rows, frozenset() if texts else frozenset({1}))]


def _histogram(counts: Values, label: str, caption: str) -> Figure:
    rows = [(name, count) for name, count in counts.items() if isinstance(count, int)]
    table = Table((label, "count"), [(name, f"{count:,}") for name, count in rows], frozenset({1}))
    return Figure(partial(bars, rows, label), caption, table)


def _grid(name: str, rows: Mapping[str, Json]) -> Table:
    """Return a table with a row for each measure and a column for each thing measured, so that it stays narrow."""
    flat = {row: flattened("", mapping(cells)) for row, cells in rows.items()}
    measures = list(dict.fromkeys(measure for cells in flat.values() for measure in cells))
    body = [[one, *(_cell(one, cells.get(one)) for cells in flat.values())] for one in measures]
    return Table([name, *flat], body, frozenset(range(1, len(flat) + 1)))


def _rows(name: str, rows: Mapping[str, Json]) -> Table:
    """Return a table with a row for each thing measured, where there are many of them."""
    measures = list(dict.fromkeys(measure for cells in rows.values() for measure in mapping(cells)))
    named = {one: mapping(cells) for one, cells in rows.items()}
    body = [[one, *(_cell(measure, cells.get(measure)) for measure in measures)] for one, cells in named.items()]
    return Table([name, *measures], body, frozenset(range(1, len(measures) + 1)))


def _cell(name: str, value: Json) -> str:
    """Return a value as a cell; a share, or an interval of one, as a percentage."""
    if name.startswith(SHARES):
        if isinstance(value, float):
            return percent(value)
        bounds = [finite(bound) for bound in sequence(value)]
        if bounds and None not in bounds:
            return " to ".join(percent(bound) for bound in bounds if bound is not None)
    return number(value)
