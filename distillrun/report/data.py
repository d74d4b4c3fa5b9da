"""The teacher's data on a page: counts as tables, lengths as bars, and examples from draft to revision."""

from collections.abc import Mapping, Sequence

from distillrun.records import Json
from distillrun.report.block import Block, Figure, Paragraph, Piece, Section, Story, Table
from distillrun.report.chart import bars
from distillrun.report.text import number, shortened
from distillrun.report.values import Values, mapping, sequence
from distillrun.report.word_diff import word_diff

LENGTHS = "words"


def data_section(data: Values) -> Section | None:
    """Return the data card: plain counts as one table, each mapping of mappings as one with a row for each."""
    flat: dict[str, Json] = {}
    blocks: list[Block] = []
    for name, value in data.items():
        inner = mapping(value)
        if name == LENGTHS:
            blocks += [_lengths(kind, mapping(counts)) for kind, counts in inner.items()]
        elif inner and all(isinstance(cells, dict) for cells in inner.values()):
            blocks.append(_grid(name, inner))
        elif inner:
            blocks.append(Table((name, ""), [(key, number(item)) for key, item in inner.items()], frozenset({1})))
        else:
            flat[name] = value
    if flat:
        blocks.insert(0, pairs(flat))
    return Section("Data", blocks) if blocks else None


def story_section(told: Sequence[Json]) -> Section | None:
    """Return examples from the first draft to the revision, the changed words marked."""
    found = [_story(mapping(one)) for one in told]
    if not found:
        return None
    intro = f"{len(found)} examples, evenly spaced, not picked by what they say. Marked words are new or gone."
    return Section("From draft to revision", [Paragraph(intro), *found])


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


def _story(one: Values) -> Story:
    choices = [shortened(str(choice)) for choice in sequence(one.get("choices"))]
    place = one.get("answer")
    answer = choices[place] if isinstance(place, int) and 0 <= place < len(choices) else "not known"
    draft, critique, revision = (str(one.get(key) or "") for key in ("draft", "critique", "revision"))
    parts: list[tuple[str, Sequence[Piece]]] = [("choices", [Piece(" · ".join(choices), "same")])]
    parts.append(("answer", [Piece(answer, "same")]))
    for label, text in (("draft", draft), ("critique", critique)):
        if text:
            parts.append((label, [Piece(shortened(text), "same")]))
    if revision:
        parts.append(("revision", word_diff(shortened(draft), shortened(revision))))
    for other in sequence(one.get("others")):
        label, text = [*map(str, sequence(other)), "", ""][:2]
        parts.append((shortened(label, 60), [Piece(shortened(text), "same")]))
    return Story(shortened(str(one.get("question") or "")), parts)


def _lengths(kind: str, counts: Values) -> Figure:
    rows = [(name, count) for name, count in counts.items() if isinstance(count, int)]
    table = Table((f"words of {kind} rationales", "rationales"), [(a, f"{b:,}") for a, b in rows], frozenset({1}))
    return Figure(bars(rows, "words"), f"Length of {kind} rationales, in words.", table)


def _grid(name: str, rows: Mapping[str, Json]) -> Table:
    """Return a table with a row for each measure and a column for each thing measured, so that it stays narrow."""
    flat = {row: flattened("", mapping(cells)) for row, cells in rows.items()}
    measures = list(dict.fromkeys(measure for cells in flat.values() for measure in cells))
    body = [[measure, *(number(cells.get(measure)) for cells in flat.values())] for measure in measures]
    return Table([name, *flat], body, frozenset(range(1, len(flat) + 1)))
