"""Pages as plain lines for a terminal."""

from collections.abc import Sequence

from distillrun.report.page.block import Block, Code, Page, Paragraph, Table
from distillrun.text.display import plain


def terminal(page: Page) -> str:
    """Return the sentences and tables of a page; drawings, questions and stories are for the page itself."""
    lines = [page.title, page.summary, ""]
    for section in page.sections:
        shown = [text for block in section.blocks if (text := _block(block))]
        if shown:
            lines += [section.title.upper(), *shown, ""]
    return plain("\n".join(lines)).rstrip() + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Paragraph | Code):
        return "" if isinstance(block, Code) and block.folded else block.text
    if isinstance(block, Table):
        return table_text(block)
    return ""


def table_text(table: Table) -> str:
    """Return a table as aligned columns."""
    cells: list[Sequence[str]] = [table.columns, *table.rows] if any(table.columns) else [*table.rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        places = enumerate(zip(row, widths, strict=True))
        shown = [text.rjust(width) if place in table.numbers else text.ljust(width) for place, (text, width) in places]
        lines.append("  ".join(shown).rstrip())
    return "\n".join(lines)
